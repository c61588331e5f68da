import { setImmediate } from 'node:timers/promises';
import type { FactType, NewFact } from '#contracts';
import { type Database, type LaneRow, type Queryable, readChunks, readFacts, readHorizon, readPages } from '#event-log';
import type { Emit, LanePresence } from './lane-presence.js';
import { toMilliseconds } from './process.js';
import { takeInOrder } from './reclassify.js';
import { isConclusion, Replay } from './replay.js';
import { loadSnapshot } from './snapshot.js';
import { newProgress, type RecoveryProgress } from './status.js';

/** The facts that presence draws conclusions from, or that are its own. */
export const presenceFacts: readonly FactType[] = [
  'client-registered',
  'client-reinstalled',
  'client-edited',
  'client-removed',
  'client-addresses-changed',
  'client-status-changed',
  'group-removed',
  'settings-changed',
  'networks-changed',
  'work-settled',
  'lane-gap-observed',
  'lane-silence-judged',
];

const chunkPage = 500;
const factPage = 20_000;
/** A replay leaves the process to others this often, in milliseconds: it must be able to say how far it is. */
const maxBusy = 50;

export type Recovered = {
  readonly presence: LanePresence;
  /** Conclusions from facts that were appended while nobody owned the lane; to be appended first. */
  readonly conclusions: readonly NewFact[];
  readonly replayed: { readonly facts: number; readonly contacts: number };
};

/**
 * A lane's presence as of the log's head: the last snapshot, and everything after it, the lane's own contacts and facts
 * and the fleet's facts, in the order of positions.
 *
 * What live intake concluded is in the log as facts, so a replay concludes nothing itself; except from facts that came
 * after the owner's last append, which nobody has seen yet.
 *
 * @throws {ContactsGoneError}
 */
export const recoverPresence = async (
  db: Database,
  lane: number,
  row: LaneRow,
  removalLimit?: number,
  progress: RecoveryProgress = newProgress(),
): Promise<Recovered> => {
  const { presence, position } = await loadSnapshot(db, lane, removalLimit);
  await assertContactsAfter(db, lane, position);
  const conclusions: NewFact[] = [];
  Object.assign(progress, { since: Date.now(), from: position, at: position, to: row.position });
  const emit: Emit = (fact) => conclusions.push(fact);
  const replay = new Replay(presence);
  const { position: upTo } = row;
  const readFactsAfter = (after: bigint) => readFacts(db, { lane, after, upTo, types: presenceFacts, limit: factPage });
  const readChunksAfter = (after: bigint) => readChunks(db, { lane, after, upTo, limit: chunkPage });
  const facts = itemsOf(readPages(position, readFactsAfter, (last) => last.position));
  const chunks = itemsOf(readPages(position, readChunksAfter, (last) => last.firstPosition));
  let [fact, chunk] = await Promise.all([facts(), chunks()]);
  for (let lastPause = Date.now(); fact || chunk;) {
    if (Date.now() - lastPause > maxBusy) {
      await setImmediate();
      lastPause = Date.now();
    }
    if (chunk && (!fact || chunk.firstPosition < fact.position)) {
      replay.contacts(chunk);
      progress.contacts += chunk.count;
      progress.at = chunk.firstPosition + BigInt(chunk.count) - 1n;
      chunk = await chunks();
    } else if (fact) {
      if (fact.position <= row.seenPosition || isConclusion(fact)) replay.fact(fact);
      else {
        replay.catchUp();
        await takeInOrder(db, lane, presence, fact, emit);
      }
      progress.facts++;
      progress.at = fact.position;
      fact = await facts();
    }
  }
  replay.catchUp();
  // A newer snapshot than ours may have let go of contacts while we read them.
  await assertContactsAfter(db, lane, position);
  await classifyUnseen(db, lane, presence);
  presence.clock = Math.max(presence.clock, toMilliseconds(row.watermark.time));
  presence.lastTick = Math.max(presence.lastTick, toMilliseconds(row.watermark.tick));
  presence.watchAll();
  const { facts: replayedFacts, contacts } = progress;
  return { presence, conclusions, replayed: { facts: replayedFacts, contacts } };
};

/** The log does not hold every contact after the snapshot: presence made from it would be wrong. */
export class ContactsGoneError extends Error {
  override readonly name = 'ContactsGoneError';
}

const assertContactsAfter = async (db: Queryable, lane: number, snapshot: bigint): Promise<void> => {
  const horizon = await readHorizon(db, lane);
  if (horizon.position <= snapshot) return;
  throw new ContactsGoneError(
    `Lane ${lane} can be recovered from a snapshot at position ${horizon.position} or beyond, where its contacts begin; ` +
      `the newest that this version can read is at ${snapshot}. If it stays so, run the version that wrote the newest.`,
  );
};

/** Hands out the items of one page after the other; undefined at the end. */
const itemsOf = <T>(pages: AsyncGenerator<readonly T[], undefined>): (() => Promise<T | undefined>) => {
  let page: readonly T[] = [];
  let next = 0;
  return async () => {
    if (next >= page.length) {
      page = (await pages.next()).value ?? [];
      next = 0;
    }
    return page[next++];
  };
};

/** Who registered but never got a status has no fact that says its network: that is read off its addresses. */
const classifyUnseen = async (db: Queryable, lane: number, presence: LanePresence): Promise<void> => {
  const { members } = presence;
  const unseen: number[] = [];
  for (let ordinal = 0; ordinal < members.count; ordinal++) {
    if (members.isRegistered(ordinal) && !members.hasStatus(ordinal)) unseen.push(ordinal);
  }
  if (unseen.length === 0) return;
  const rows = await db<{ ordinal: number; ips: string[] }[]>`
    SELECT ordinal, ips FROM client WHERE lane = ${lane} AND ordinal = ANY(${unseen})`;
  for (const { ordinal, ips } of rows) presence.setNetworkOf(ordinal, ips);
};
