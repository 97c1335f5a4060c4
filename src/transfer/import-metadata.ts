import type { Config } from '../config/config.ts';
import { type DictFile, readDictFile } from '../doors/dict-file.ts';
import { createDictKeeper, type DictKeeper } from '../doors/dict-keeper.ts';
import { openSubscriptions } from '../intake/subscriptions.ts';
import type { Clock } from '../process/clock.ts';
import { ExitCode } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import { countOf, visible } from '../process/text.ts';
import { openConfigured } from '../store/configured.ts';
import type { Store } from '../store/store.ts';
import type { Input } from './input.ts';

export interface MetadataImport {
  input: Pick<Input, 'chunks'>;
  /** As Dovecot names them. */
  user: string;
}

export interface MetadataContext {
  config: Config;
  log: Log;
  clock: Clock;
  out: (text: string) => void;
}

/**
 * Takes the METADATA of a user from a dict file of Dovecot, as if Dovecot set it now: devices register by it too. What is
 * there already stays. Exit code 65 where something was skipped. Throws StoreError.
 */
export async function importMetadata(
  { input, user }: MetadataImport,
  context: MetadataContext,
): Promise<ExitCode> {
  const file = readDictFile(Buffer.concat([...input.chunks]));
  const store = await openConfigured(context.config, { create: true, log: context.log });
  try {
    const { taken, known, bad } = await takeInto(store, user, file, context);
    const skipped = bad.map(({ line, why }) => `line ${line}: skipped: ${visible(why)}\n`);
    const counts = `${countOf(taken, 'entry', 'entries')} taken, ${known} there before, ${bad.length} skipped\n`;
    context.out(skipped.join('') + counts);
    return bad.length > 0 ? ExitCode.badInput : ExitCode.ok;
  } finally {
    store.close();
  }
}

async function takeInto(
  store: Store,
  user: string,
  { entries, bad }: DictFile,
  context: MetadataContext,
): Promise<{ taken: number; known: number; bad: DictFile['bad'] }> {
  const keeper = keeperOf(store, context);
  const refused: DictFile['bad'] = [];
  let taken = 0;
  let known = 0;
  for (const [index, entry] of entries.entries()) {
    const owner = entry.key.startsWith('shared/') ? '' : user;
    if ((await store.metadataValue(owner, entry.key)) !== undefined) known += 1;
    else {
      const { refused: why } = await keeper.commit(user, [entry]);
      if (why === undefined) taken += 1;
      else refused.push({ line: 2 * index + 1, why });
    }
  }
  return { taken, known, bad: [...bad, ...refused] };
}

/** Nobody here sends the notices that prove a subscription: `serve` finds them. */
function keeperOf(store: Store, { config, log, clock }: MetadataContext): DictKeeper {
  const subscriptions = openSubscriptions({ config, clock, store: () => store, onNotice: () => undefined });
  return createDictKeeper({
    use: (work) => work(store, clock.nowMs()),
    subscriptions: () => Promise.resolve(subscriptions),
    config: () => config,
    ...{ clock, log },
  });
}
