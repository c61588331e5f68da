import type { Queryable } from '../database.js';

/** A place in the chain: the position of a fact, and its hash. */
export type Link = { readonly position: bigint; readonly hash: Buffer };

export type ChainHead = Link & {
  /** Facts up to here are not in the chain: they were there before it was begun. */
  readonly start: bigint;
};

/** The last fact with its hash; whoever keeps it elsewhere can later tell whether what lies before it was rewritten. */
export const readChainHead = async (db: Queryable): Promise<ChainHead> => {
  const [row] = await db<ChainHead[]>`
    SELECT chain_position AS position, chain_hash AS hash, chain_start AS start FROM log_head`;
  if (!row) throw new Error('The log has no head: its row is missing from the table log_head.');
  return row;
};
