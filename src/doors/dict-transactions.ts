import type { MetadataChange } from '../store/metadata.ts';

/** What one connection has begun and not ended. Dovecot has two at once where a command sets private and shared entries. */
const MAX_OPEN = 16;

/** What they hold together: more than one IMAP command can bring. */
const MAX_HELD_BYTES = 128 * 1024;

export interface DictTransaction {
  user: string;
  changes: MetadataChange[];
  /** Why none of it can be kept. */
  unfit: string | undefined;
}

type Open = DictTransaction & { heldBytes: number };

/** What a client does in them. Each of the first three gives what is wrong with the client, if something is. */
export class DictTransactions {
  readonly #open = new Map<string, Open>();
  #heldBytes = 0;

  begin(id: string, user: string): string | undefined {
    if (this.#open.has(id)) return 'a transaction that has begun already';
    if (this.#open.size >= MAX_OPEN) return 'too many transactions at once';
    this.#open.set(id, { user, changes: [], unfit: undefined, heldBytes: 0 });
    return undefined;
  }

  change(id: string, change: MetadataChange): string | undefined {
    const transaction = this.#open.get(id);
    if (transaction === undefined) return NOT_BEGUN;
    if (transaction.unfit !== undefined) return undefined;
    const bytes = Buffer.byteLength(change.key) + (change.value?.length ?? 0);
    if (this.#heldBytes + bytes > MAX_HELD_BYTES) return this.spoil(id, 'too many changes at once');
    this.#heldBytes += bytes;
    transaction.heldBytes += bytes;
    transaction.changes.push(change);
    return undefined;
  }

  /** None of it will be kept. */
  spoil(id: string, why: string): string | undefined {
    const transaction = this.#open.get(id);
    if (transaction === undefined) return NOT_BEGUN;
    transaction.unfit ??= why;
    transaction.changes = [];
    this.#heldBytes -= transaction.heldBytes;
    transaction.heldBytes = 0;
    return undefined;
  }

  /** Takes it out; undefined where it has not begun. */
  end(id: string): DictTransaction | undefined {
    const transaction = this.#open.get(id);
    this.#open.delete(id);
    this.#heldBytes -= transaction?.heldBytes ?? 0;
    return transaction;
  }

  isEmpty(): boolean {
    return this.#open.size === 0;
  }
}

export const NOT_BEGUN = 'a transaction that has not begun';
