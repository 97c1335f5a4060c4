import { ExitCode } from '../process/errors.ts';

/** What the man page tells beside commands and configuration: pairs of a term and its meaning. */
type Terms = readonly (readonly [term: string, meaning: string])[];

export const DESCRIPTION: readonly string[] = [
  'Devices register with the mail server for pushes of mailboxes; the server passes on what devices ask for and what ' +
    'happens in mailboxes, and xapplepush writes down which devices get a push and tells Apple, who wakes the device. It ' +
    'needs no daemon of its own: `notifyd` of Cyrus, a Lua script of Dovecot or a timer starts it.',
  'Events that the database cannot take are kept as files in the spool; pushes that Apple cannot take now are kept in ' +
    'the database, and tried again after growing intervals. `xapplepush-spool` puts events into the spool without Node.js.',
  "When root runs a command, it acts as the owner of the database's folder.",
];

export const FILES: Terms = [
  ['/etc/xapplepush/config.yaml', 'The configuration.'],
  ['/etc/imapd.conf', "Cyrus's configuration: namespace options and `aps_topic` are read from it."],
  ['/var/lib/xapplepush/xapplepush.db', 'The database: devices, and the pushes that wait for Apple.'],
  [
    '/var/lib/xapplepush/xapplepush.sock',
    'The control socket, by which running processes hear of new pushes.',
  ],
  [
    '/var/spool/xapplepush',
    'The spool: events that are not in the database yet, in `new`; what cannot be understood, in `bad`.',
  ],
];

export const ENVIRONMENT: Terms = [
  ['XAPPLEPUSH_CONFIG', 'The configuration, where `--config` does not name one.'],
  [
    'XAPPLEPUSH_SPOOL',
    'The spool for events that come while the configuration cannot be read; and that of the plugin of Dovecot.',
  ],
  ['XAPPLEPUSH_TOPIC', 'The topic that the plugin of Dovecot tells phones.'],
  ['XAPPLEPUSH_MAILBOXES', 'Of which mailboxes it tells them: `inbox`, `own` (the default) or `all`.'],
  ['XAPPLEPUSH_SPOOL_SYNC', '`yes`: `xapplepush-spool` waits until the disk has the event.'],
  [
    'XAPPLEPUSH_NODE',
    'The Node.js that runs the program; by default `node` on the PATH and in the usual places.',
  ],
  ['NO_COLOR', 'Where it is set and not empty, nothing is coloured.'],
  ['TERM', 'On a terminal that is called `dumb`, nothing is coloured.'],
  ['PAGER', 'Shows what is longer than the terminal; `less` by default, none where it is empty.'],
  ['LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES', 'The sockets that systemd hands to `serve`.'],
  ['NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID', 'How systemd hears that `serve` is ready and well.'],
];

export const SIGNALS: Terms = [
  ['SIGTERM, SIGINT', '`serve` ends, and what waits stays in the database; `log --follow` ends.'],
  [
    'SIGHUP',
    '`serve` reads configuration and certificate again. A configuration that cannot be used leaves the old one in force.',
  ],
];

export const EXIT_CODES: Readonly<Record<ExitCode, string>> = {
  [ExitCode.ok]: 'done, or nothing to do',
  [ExitCode.problem]: '`check` found a problem',
  [ExitCode.usage]: 'the command line is wrong',
  [ExitCode.badInput]: 'the input is bad or empty, or no device matches',
  [ExitCode.unavailable]: 'Apple cannot be reached; the push is kept',
  [ExitCode.tryAgain]: 'try again later: the database cannot be used, or a push still waits',
  [ExitCode.configuration]: 'the configuration or the certificate is wrong',
};

export const SEE_ALSO: readonly (readonly [page: string, section: string])[] = [
  ['imapd.conf', '5'],
  ['cyrus.conf', '5'],
  ['notifyd', '8'],
  ['sysexits', '3'],
];
