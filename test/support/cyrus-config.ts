/** Everything a test Cyrus needs to know before its two configuration files can be written. */
export interface CyrusLayout {
  /** Holds state, spool, sockets, certificate and both configuration files; belongs to user cyrus. */
  dir: string;
  /** Directory of master, imapd, lmtpd and notifyd. */
  bin: string;
  imapsPort: number;
  lmtpPort: number;
  /** Of httpd with CalDAV and CardDAV, where it is to run. */
  httpsPort?: number;
}

export interface CyrusEvents {
  notifyExternal: string;
  eventGroups: string;
  apsTopic: string;
}

export type ImapdOptions = Record<string, string>;

export const ADMIN = 'cyrus';
export const SERVER_NAME = 'mail.example.org';

/** The options of imapd.conf(5); a later source wins, because Cyrus refuses an option that is given twice. */
export function imapdOptions({ dir }: CyrusLayout, events: CyrusEvents, extra: ImapdOptions): ImapdOptions {
  return { ...stateOptions(dir), ...loginOptions(dir), ...eventOptions(dir, events), ...extra };
}

export function imapdConf(options: ImapdOptions): string {
  return Object.entries(options)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
}

/**
 * cyrus.conf(5). Master does not hand its -C to the services, so every command carries its own. There is no notifyd
 * where imapd.conf sends notifications elsewhere, to a `dlist:` socket.
 */
export function cyrusConf(layout: CyrusLayout, options: ImapdOptions): string {
  const { dir, bin, imapsPort, lmtpPort, httpsPort } = layout;
  const command = (program: string, flags = '') => `cmd="${bin}/${program} -C ${dir}/imapd.conf${flags}"`;
  const notifyd = `  notify ${command('notifyd')} listen="${notifySocket(dir)}" proto="udp" prefork=1\n`;
  const httpd = `  https ${command('httpd', ' -s')} listen="127.0.0.1:${httpsPort}" prefork=1\n`;
  return `START {
  recover ${command('ctl_cyrusdb', ' -r')}
}
SERVICES {
  imaps ${command('imapd', ' -s')} listen="127.0.0.1:${imapsPort}" prefork=1
  lmtp ${command('lmtpd', ' -a')} listen="127.0.0.1:${lmtpPort}" prefork=1
${options['notifysocket']?.startsWith('dlist:') === true ? '' : notifyd}${httpsPort === undefined ? '' : httpd}}
EVENTS {
}
`;
}

/** The name under which the admin creates the INBOX of a user: user/alice, user.dot^user, user/john@example.org. */
export function inboxAsAdmin(user: string, options: ImapdOptions): string {
  const { name, domain } = splitUser(user);
  const inbox = isOff(options['unixhierarchysep']) ? `user.${name.replaceAll('.', '^')}` : `user/${name}`;
  return domain === undefined ? inbox : `${inbox}@${domain}`;
}

/** The SASL realms in which a user is looked up: the domain of the login name, else the name of the server. */
export function saslRealms(user: string, options: ImapdOptions): string[] {
  const { domain } = splitUser(user);
  if (domain !== undefined) return [domain];
  const defaultDomain = options['defaultdomain'];
  return [options['servername'] ?? SERVER_NAME, ...(defaultDomain === undefined ? [] : [defaultDomain])];
}

export function splitUser(user: string): { name: string; domain: string | undefined } {
  const at = user.lastIndexOf('@');
  return at < 0 ? { name: user, domain: undefined } : { name: user.slice(0, at), domain: user.slice(at + 1) };
}

/** The directories that must exist before master starts; Cyrus makes everything below them. */
export function stateDirectories(dir: string): string[] {
  return ['conf/socket', 'spool', 'sieve', 'run/proc', 'run/lock'].map((name) => `${dir}/${name}`);
}

export function sasldbPath(dir: string): string {
  return `${dir}/sasldb2`;
}

function stateOptions(dir: string): ImapdOptions {
  return {
    configdirectory: `${dir}/conf`,
    defaultpartition: 'default',
    'partition-default': `${dir}/spool`,
    proc_path: `${dir}/run/proc`,
    mboxname_lockpath: `${dir}/run/lock`,
    sievedir: `${dir}/sieve`,
    lmtpsocket: `${dir}/conf/socket/lmtp`,
    idlesocket: `${dir}/conf/socket/idle`,
    servername: SERVER_NAME,
  };
}

function loginOptions(dir: string): ImapdOptions {
  return {
    admins: ADMIN,
    allowplaintext: 'no',
    failedloginpause: '0',
    sasl_pwcheck_method: 'auxprop',
    sasl_auxprop_plugin: 'sasldb',
    sasl_sasldb_path: sasldbPath(dir),
    sasl_mech_list: 'PLAIN LOGIN',
    tls_server_cert: `${dir}/cert.pem`,
    tls_server_key: `${dir}/key.pem`,
  };
}

function eventOptions(dir: string, { notifyExternal, eventGroups, apsTopic }: CyrusEvents): ImapdOptions {
  return {
    event_notifier: 'external',
    event_groups: eventGroups,
    event_extra_params: 'timestamp vnd.cmu.unseenMessages',
    notifysocket: notifySocket(dir),
    notify_external: notifyExternal,
    aps_topic: apsTopic,
  };
}

function notifySocket(dir: string): string {
  return `${dir}/conf/socket/notify`;
}

/** How imapd.conf(5) spells a switch that is off. */
function isOff(value: string | undefined): boolean {
  return ['no', 'off', '0', 'f', 'false'].includes(value ?? 'yes');
}
