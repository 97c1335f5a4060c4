import { DEFAULT_NAMESPACE, type CyrusNamespace } from '../../src/mailboxes/cyrus-namespace.ts';

const virtual = { virtualDomains: true, defaultDomain: 'example.com' };
export const slash: CyrusNamespace = DEFAULT_NAMESPACE;
export const dot: CyrusNamespace = { ...slash, separator: '.', altNamespace: false };
export const slashInInbox: CyrusNamespace = { ...slash, altNamespace: false };
export const dotAlt: CyrusNamespace = { ...slash, separator: '.' };
export const slashVirtual: CyrusNamespace = { ...slash, ...virtual };
export const dotVirtual: CyrusNamespace = { ...dot, ...virtual };
export const renamed: CyrusNamespace = {
  ...slash,
  otherUsersPrefix: 'Others',
  sharedPrefix: 'Public',
  altPrefix: 'Odd',
};
