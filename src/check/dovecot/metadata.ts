import type { Config } from '../../config/config.ts';
import { type Point, ok, problem } from '../point.ts';
import type { Doveconf } from './doveconf-output.ts';
import { isOld, sectionsOf, settingIn } from './setup.ts';

export const METADATA = 'METADATA';

type MetadataConfig = Pick<Config, 'serve' | 'deltachat'>;

/** Whether Dovecot keeps METADATA with `serve`, and offers it to apps; none where `serve.dict` is not set. Pure. */
export function judgeMetadata(doveconf: Doveconf, { serve: { dict }, deltachat }: MetadataConfig): Point[] {
  if (dict === undefined) return [];
  const socket = socketOf(doveconf);
  if (socket !== dict)
    return [
      problem(
        METADATA,
        `serve.dict is ${dict}, and Dovecot keeps METADATA ${socket === undefined ? 'elsewhere or not' : `at ${socket}`}`,
        isOld(doveconf)
          ? `mail_attribute_dict = proxy:${dict}:metadata`
          : `mail_attribute/dict/proxy/socket_path = ${dict}, with name = metadata`,
      ),
    ];
  if (settingIn(doveconf, 'imap', 'imap_metadata') !== 'yes')
    return [problem(METADATA, 'Dovecot offers it to no client', 'protocol imap { imap_metadata = yes }')];
  if (deltachat.enabled && !offersDeltaChat(doveconf))
    return [
      problem(
        METADATA,
        'Delta Chat is not told that it can register: CAPABILITY has no XDELTAPUSH',
        isOld(doveconf) ? 'imap_capability = +XDELTAPUSH' : 'imap_capability/XDELTAPUSH = yes',
      ),
    ];
  return [ok(METADATA, `Dovecot keeps it with serve, at ${dict}`)];
}

/** 2.3: `mail_attribute_dict = proxy:SOCKET:NAME`; 2.4: `mail_attribute { dict proxy { socket_path = SOCKET } }`. */
function socketOf({ root }: Doveconf): string | undefined {
  const [, old] = /^proxy:(.*):[^:]*$/.exec(root.settings.get('mail_attribute_dict') ?? '') ?? [];
  const blocks = sectionsOf(root, 'mail_attribute').flatMap((each) => sectionsOf(each, 'dict', 'proxy'));
  return old ?? blocks.flatMap(({ settings }) => settings.get('socket_path') ?? [])[0];
}

function offersDeltaChat(doveconf: Doveconf): boolean {
  const old = settingIn(doveconf, 'imap', 'imap_capability') ?? '';
  const places = [doveconf.root, ...sectionsOf(doveconf.root, 'protocol', 'imap')];
  const blocks = places.flatMap((place) => sectionsOf(place, 'imap_capability'));
  return (
    old.split(/[ +]/).includes('XDELTAPUSH') ||
    blocks.some(({ settings }) => settings.get('XDELTAPUSH') === 'yes')
  );
}
