import type { Config } from '../config/config.ts';
import { createDictKeeper } from './dict-keeper.ts';
import { openDictDoor } from './dict.ts';
import type { DoorsOptions } from './doors.ts';
import { socketDoor } from './socket-door.ts';
import type { OpenDoor } from './wanted-doors.ts';

/** A door for METADATA; its code is loaded by who has one. */
export async function openDict(
  path: string | readonly number[],
  config: Config,
  { use, subscriptions, onReplaced, clock, log }: DoorsOptions,
): Promise<OpenDoor> {
  let current = config;
  const keeper = createDictKeeper({ use, subscriptions, config: () => current, clock, log });
  const door = await openDictDoor({ path, keeper, onReplaced, clock, log });
  const opened = socketDoor(door, { kind: 'dict', setting: 'serve.dict', path, log }, config, 'dict');
  const change = (next: Config): void => {
    current = next;
    opened.change(next);
  };
  return { ...opened, change };
}
