import type { Notice } from '../../src/services/service.ts';

export const NOTICE: Notice = {
  id: '2b1c9c2e-6f0e-4d9c-8a53-1d3f6f3f8a01',
  event: 'MessageNew',
  mailbox: 'INBOX',
  eventMs: Date.parse('2026-12-01T06:00:00Z'),
};
