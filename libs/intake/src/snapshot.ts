import type { Network } from '#contracts';
import { Outages } from '#domain';
import { type Database, type Queryable, readAhead, transact } from '#event-log';
import { LanePresence } from './lane-presence.js';
import { columnNames, Members, Names } from './members.js';
import { Policies, type PolicyLevels } from './policies.js';

const blockSize = 65_536;
const headBlock = -1;
/**
 * Raised when what a block holds changes. What raises it must read the formats before, too: once contacts are dropped
 * (`retention`), nobody can do without the newest snapshot.
 */
const format = 5;
/** Who is who stood in the table of clients alone. */
const formatWithoutIds = 4;

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
    blocks.push(Buffer.concat([...columns, members.ids.pack(from, to)]));
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
  if (head.format !== format && head.format !== formatWithoutIds) return empty;
  const presence = restore(head, removalLimit);
  const { members } = presence;
  const { position } = first;
  members.makeRoom(head.count);
  const blocks = Array.from({ length: Math.ceil(head.count / blockSize) }, (_, block) => block);
  for await (const { block, data } of readAhead(blocks, (block) => selectBlock(db, lane, position, block))) {
    const from = block * blockSize;
    const count = Math.min(blockSize, head.count - from);
    const ids = data.subarray(readColumns(members, from, count, data));
    if (head.format === format) members.ids.unpack(from, count, ids);
    else await enterFromTable(db, lane, members, { from, to: from + count });
  }
  for (let ordinal = 0; ordinal < members.count; ordinal++) {
    members.policies[ordinal] = presence.policies.of(members.idOf(ordinal), members.groupOf(ordinal));
  }
  return { presence, position };
};

const selectBlock = async (db: Queryable, lane: number, position: bigint, block: number) => {
  const [row] = await db<{ block: number; data: Buffer }[]>`
    SELECT block, data FROM presence_snapshot WHERE lane = ${lane} AND position = ${position} AND block = ${block}`;
  if (!row) throw new Error(`The snapshot of lane ${lane} at ${position} was replaced while it was read.`);
  return row;
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

/** Reads the columns of a block. @returns where they end */
const readColumns = (members: Members, from: number, count: number, data: Buffer): number => {
  let offset = 0;
  for (const name of columnNames) {
    const column = members.data[name];
    const bytes = count * column.BYTES_PER_ELEMENT;
    const target = new Uint8Array(column.buffer, column.byteOffset + from * column.BYTES_PER_ELEMENT, bytes);
    target.set(data.subarray(offset, offset + bytes));
    offset += bytes;
  }
  return offset;
};

const enterFromTable = async (
  db: Queryable,
  lane: number,
  members: Members,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> => {
  const rows = await db<{ ordinal: number; id: string }[]>`
    SELECT ordinal, id FROM client WHERE lane = ${lane} AND ordinal >= ${from} AND ordinal < ${to}`;
  for (const { ordinal, id } of rows) members.enter(ordinal, id);
};
