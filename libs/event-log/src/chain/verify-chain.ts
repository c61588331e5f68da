import { createHash } from 'node:crypto';
import type { Queryable } from '../database.js';
import { readPages } from '../read-ahead.js';
import { factText, firstHash } from './fact-text.js';
import type { ChainHead, Link } from './read-chain-head.js';

export type VerifyOptions = {
  /** Begin with the facts from this position on, and believe the hash of the one before; all of the chain by default. */
  readonly from?: bigint;
  /** What was noted earlier, elsewhere: facts that must still be there with these hashes. */
  readonly expected?: readonly Link[];
  /** Hears how far it is. */
  readonly progress?: (at: Progress) => void;
};
export type Progress = { readonly facts: number; readonly position: bigint; readonly head: bigint };

export type Verdict =
  | { readonly intact: true; readonly facts: number; readonly after: bigint; readonly head: Link }
  /** `position` is the first one that does not follow from what stands before it. */
  | { readonly intact: false; readonly facts: number; readonly position: bigint; readonly reason: string };

/** Something cannot be verified as it was asked for. */
export class CannotVerifyError extends Error {
  override readonly name = 'CannotVerifyError';
}

/** Facts read at a time: two pages are in memory. */
const pageSize = 5_000;

/**
 * Computes the chain of facts anew and compares (ADR 0012), up to the head as it is now; appends go on meanwhile. The
 * database is believed in nothing but the rows themselves: the hashes are computed here.
 *
 * @throws {CannotVerifyError} when an expected position is not within what is verified
 */
export const verifyChain = async (db: Queryable, options: VerifyOptions = {}): Promise<Verdict> => {
  const { head, stray } = await readEnd(db);
  const start = await startOf(db, head, options.from);
  const expected = new Map((options.expected ?? []).map(({ position, hash }) => [position, hash]));
  const tooEarly = [...expected.keys()].find((position) => position <= start.position);
  if (tooEarly !== undefined)
    throw new CannotVerifyError(`The fact ${tooEarly} is not looked at: the first one is after ${start.position}.`);
  const walk = { ...start, facts: 0 };
  for await (const page of pagesOf(db, start.position, head.position)) {
    for (const row of page) {
      const reason = faultOf(row, walk, expected);
      if (reason !== undefined) return { intact: false, facts: walk.facts, position: row.position, reason };
      Object.assign(walk, { position: row.position, hash: row.hash, facts: walk.facts + 1 });
    }
    options.progress?.({ facts: walk.facts, position: walk.position, head: head.position });
  }
  const atEnd = faultAtEnd(walk, head, stray, expected);
  if (atEnd) return { intact: false, facts: walk.facts, ...atEnd };
  return { intact: true, facts: walk.facts, after: start.position, head };
};

type Row = { readonly position: bigint; readonly hash: Buffer | null; readonly text: string };

/** The head, and the first fact beyond it, which nobody appended; both as of one moment. */
const readEnd = async (db: Queryable): Promise<{ readonly head: ChainHead; readonly stray: bigint | null }> => {
  const [row] = await db<(ChainHead & { readonly stray: bigint | null })[]>`
    SELECT chain_position AS position, chain_hash AS hash, chain_start AS start,
           (SELECT min(position) FROM event WHERE position > chain_position) AS stray
    FROM log_head`;
  if (!row) throw new CannotVerifyError('The log has no head: its row is missing from the table log_head.');
  const { stray, ...head } = row;
  return { head, stray };
};

const startOf = async (db: Queryable, head: ChainHead, from: bigint | undefined): Promise<Link> => {
  const first = { position: head.start, hash: firstHash };
  if (from === undefined || from <= head.start) return first;
  const [before] = await db<{ position: bigint; hash: Buffer | null }[]>`
    SELECT position, hash FROM event WHERE position < ${from} ORDER BY position DESC LIMIT 1`;
  if (!before || before.position <= head.start) return first;
  if (!before.hash) throw new CannotVerifyError(`The fact ${before.position} has no hash; begin before it.`);
  return { position: before.position, hash: before.hash };
};

const pagesOf = (db: Queryable, after: bigint, upTo: bigint): AsyncGenerator<readonly Row[]> =>
  readPages(
    after,
    (position) => db<Row[]>`
      SELECT position, hash, ${factText(db)} AS text FROM event
      WHERE position > ${position} AND position <= ${upTo} ORDER BY position LIMIT ${pageSize}`,
    ({ position }) => position,
  );

/** What is wrong with a fact, given the one before it. */
const faultOf = (row: Row, before: Link, expected: Map<bigint, Buffer>): string | undefined => {
  if (!row.hash) return 'It has no hash: nobody appended it, or its hash was taken away.';
  const computed = createHash('sha256').update(before.hash).update(row.text).digest();
  if (!computed.equals(row.hash)) {
    return `It does not follow from ${describe(before)}: it was changed or added, or something before it is not what it was.`;
  }
  const noted = expected.get(row.position);
  expected.delete(row.position);
  if (noted && !noted.equals(row.hash)) return 'Its hash is not what was noted: the chain was written anew.';
  return undefined;
};

const describe = ({ position }: Link): string => (position === 0n ? 'the beginning' : `what stands at ${position}`);

const faultAtEnd = (
  last: Link,
  head: ChainHead,
  stray: bigint | null,
  expected: ReadonlyMap<bigint, Buffer>,
): { readonly position: bigint; readonly reason: string } | undefined => {
  if (last.position < head.position)
    return {
      position: last.position + 1n,
      reason: `All facts from here to ${head.position}, which was the last, are gone.`,
    };
  if (!last.hash.equals(head.hash))
    return { position: head.position, reason: 'Its hash is not the one that the head of the log says.' };
  const [missing] = [...expected.keys()].sort((a, b) => (a < b ? -1 : 1));
  if (missing !== undefined && missing > last.position)
    return { position: last.position + 1n, reason: `All facts from here to ${missing}, which was noted, are gone.` };
  if (missing !== undefined)
    return { position: missing, reason: 'The fact that was noted is gone, and the chain was written anew.' };
  if (stray !== null) return { position: stray, reason: 'It stands beyond the end of the log: nobody appended it.' };
  return undefined;
};
