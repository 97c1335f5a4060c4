/** IMAP METADATA that Dovecot keeps here (serve.dict): each entry of each user, whatever client it is of. */
export interface MetadataVerbs {
  /** Undefined where there is no such entry. `user` is '' for what is shared by all. */
  metadataValue(user: string, key: string): Promise<Uint8Array | undefined>;
  /** The entries whose keys begin so, by key in the order of their bytes. */
  metadataUnder(user: string, prefix: string): Promise<MetadataEntry[]>;
  /** All of the changes, in one transaction, or none. */
  changeMetadata(
    user: string,
    changes: readonly MetadataChange[],
    terms: MetadataTerms,
  ): Promise<MetadataChanged>;
  countMetadata(): Promise<{ entries: number; users: number; bytes: number }>;
}

export interface MetadataEntry {
  key: string;
  value: Uint8Array;
}

/** Without a value: the entry goes. */
export interface MetadataChange {
  key: string;
  value: Uint8Array | undefined;
}

export interface MetadataTerms {
  nowMs: number;
  /** What a user may have. */
  maxEntries: number;
}

/** `full`: the user would have more entries than that, and nothing was changed. */
export type MetadataChanged = 'changed' | 'full';
