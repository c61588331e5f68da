import type { Network } from '#contracts';
import { Outages } from '#domain';
import { type Database, type Queryable, transact } from '#event-log';
import { LanePresence } from './lane-presence.js';
import { columnNames, Members, Names } from './members.js';
import { Policies, type PolicyLevels } from './policies.js';

const blockSize = 65_536;
const headBlock = -1;
/**
 * Raised when what a block holds changes; an older snapshot is then not used, and the log is replayed from its start. Once
 * contacts are dropped (`retention`) the log has no start any more, and recovery fails: from the first release on, what
 * raises this must read the format before, too.
 */
const format = 4;

type Head = {
  readonly format: number;
  readonly clock: number;
  readonly lastTick: number;
  readonly count: number;
  readonly groups: string[];
  readonly networkNames: string[];
  readonly networks: readonly Network[];
  readonly reclassification: LanePresence['reclassification'];
  readonly removals: number[];
  readonly policies: PolicyLevels;
  readonly outages: {
    readonly broker: { from: number; to: number }[];
    readonly server: { from: number; to: number }[];
  };
};

export type Snapshot = { readonly position: bigint; readonly head: Head; readonly blocks: readonly Buffer[] };

/** Copies presence as of a position; what follows does not change the copy. */
export const takeSnapshot = (presence: LanePresence, position: bigint): Snapshot => {
  const { members } = presence;
  const head: Head = structuredClone({
    format,
    clock: presence.clock,
    lastTick: presence.lastTick,
    count: members.count,
    groups: members.groups.list,
    networkNames: members.networks.list,
    networks: presence.networks,
    reclassification: presence.reclassification,
    removals: presence.removals,
    policies: presence.policies.levels(),
    outages: { broker: presence.outages.broker.list, server: presence.outages.server.list },
  });
  const blocks: Buffer[] = [];
  for (let from = 0; from < members.count; from += blockSize) {
    const to = Math.min(from + blockSize, members.count);
    const columns = columnNames.map((name) => {
      const part = members.data[name].slice(from, to);
      return Buffer.from(part.buffer, part.byteOffset, part.byteLength);
    });
    blocks.push(Buffer.concat(columns));
  }
  return { position, head, blocks };
};

/**
 * Stores a snapshot in the place of older ones. A newer one stays, and counts: an owner that was replaced while it saved
 * its last must not bring back a position whose contacts may be gone.
 */
export const saveSnapshot = (db: Database, lane: number, { position, head, blocks }: Snapshot): Promise<void> =>
  transact(db, async (tx) => {
    await tx`DELETE FROM presence_snapshot WHERE lane = ${lane} AND position <= ${position}`;
    const all = [Buffer.from(JSON.stringify(head)), ...blocks];
    for (const [i, data] of all.entries()) {
      await tx`INSERT INTO presence_snapshot (lane, position, block, data) VALUES (${lane}, ${position}, ${headBlock + i}, ${data})`;
    }
  });

/**
 * The presence of the newest snapshot and its position; an empty one at position 0 when there is none.
 *
 * @throws when another took its place meanwhile; to be tried again
 */
export const loadSnapshot = async (
  db: Queryable,
  lane: number,
  removalLimit?: number,
): Promise<{ readonly presence: LanePresence; readonly position: bigint }> => {
  const empty = { presence: new LanePresence(undefined, undefined, undefined, removalLimit), position: 0n };
  const [first] = await db<{ position: bigint; data: Buffer }[]>`
    SELECT position, data FROM presence_snapshot WHERE lane = ${lane} AND block = ${headBlock}
    ORDER BY position DESC LIMIT 1`;
  if (!first) return empty;
  const head = JSON.parse(first.data.toString()) as Head;
  if (head.format !== format) return empty;
  const presence = restore(head, removalLimit);
  await loadIds(db, lane, presence.members, head.count);
  const { members } = presence;
  for (let block = 0; block * blockSize < head.count; block++) {
    const [row] = await db<{ data: Buffer }[]>`
      SELECT data FROM presence_snapshot WHERE lane = ${lane} AND position = ${first.position} AND block = ${block}`;
    if (!row) throw new Error(`The snapshot of lane ${lane} at ${first.position} was replaced while it was read.`);
    readBlock(members, block * blockSize, Math.min(blockSize, head.count - block * blockSize), row.data);
  }
  for (let ordinal = 0; ordinal < members.count; ordinal++) {
    members.policies[ordinal] = presence.policies.of(members.ids[ordinal] ?? '', members.groupOf(ordinal));
  }
  return { presence, position: first.position };
};

const restore = (head: Head, removalLimit: number | undefined): LanePresence => {
  const members = new Members(new Names(head.groups), new Names(head.networkNames));
  const outages = { broker: new Outages(head.outages.broker), server: new Outages(head.outages.server) };
  const presence = new LanePresence(members, new Policies(head.policies), outages, removalLimit);
  presence.clock = head.clock;
  presence.lastTick = head.lastTick;
  presence.setNetworks(head.networks);
  presence.reclassification = head.reclassification;
  presence.removals.push(...head.removals);
  return presence;
};

/** A client's id and ordinal never change, so they are read from the table of clients rather than kept twice. */
const loadIds = async (db: Queryable, lane: number, members: Members, count: number): Promise<void> => {
  const rows = db<{ id: string; ordinal: number }[]>`
    SELECT id, ordinal FROM client WHERE lane = ${lane} AND ordinal < ${count} ORDER BY ordinal`.cursor(10_000);
  for await (const page of rows) for (const { id, ordinal } of page) members.enter(ordinal, id);
};

const readBlock = (members: Members, from: number, count: number, data: Buffer): void => {
  let offset = 0;
  for (const name of columnNames) {
    const column = members.data[name];
    const bytes = count * column.BYTES_PER_ELEMENT;
    const target = new Uint8Array(column.buffer, column.byteOffset + from * column.BYTES_PER_ELEMENT, bytes);
    target.set(data.subarray(offset, offset + bytes));
    offset += bytes;
  }
};
