import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { FactOf, NewFact, SettledItem } from '#contracts';
import { reportAllowance } from '#domain';
import { createTestDatabase } from '#embedded';
import {
  appendFacts,
  createRejectLog,
  type Database,
  openDatabase,
  readFacts,
  readLane,
  type RejectLog,
  takeLane,
  transact,
} from '#event-log';
import { inlineProjections } from '#projections';
import { LaneOwner } from './owner.js';
import { recoverPresence } from './recover.js';

const lane = 0;
const meta = { actor: 'test' } as const;
const settings = { kind: 'settings', key: 'settings', release: null } as const;

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let db: Database;
let rejects: RejectLog;
let owner: LaneOwner;
let sequence = 0;

// The log's time never goes back, so each test has a log of its own.
beforeEach(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.url });
  rejects = createRejectLog(db);
  const term = await takeLane(db, lane);
  const row = await readLane(db, lane);
  const recovered = await recoverPresence(db, lane, row);
  owner = new LaneOwner({ ...row, ...recovered, db, lane, term, rejects, projections: inlineProjections });
});
afterEach(async () => {
  await rejects.stop();
  await db.end();
  await database.drop();
});

const append = (facts: readonly NewFact[]) => transact(db, (tx) => appendFacts(tx, lane, facts, inlineProjections));

/** Registers a client and sets something for it alone; the revision that this makes. */
const enter = async (client: string): Promise<string> => {
  const data = { ordinal: 0, name: null, group: '', labels: {}, ips: [], agentVersion: null, installed: {} };
  await append([{ type: 'client-registered', client, meta, data }]);
  return change(client, { a: 1 });
};
const change = async (client: string, values: object): Promise<string> => {
  const data = { level: { scope: 'client', id: client }, patch: { ...values }, values: { ...values } } as const;
  const [fact] = await append([{ type: 'settings-changed', client: null, meta, data }]);
  return String(fact?.position);
};
const deliver = (client: string, revision: string) =>
  append([{ type: 'work-delivered', client, meta, data: { items: [{ ...settings, revision }], request: null } }]);
const acknowledge = async (client: string, revision: string): Promise<void> => {
  const item: SettledItem = { ...settings, revision, outcome: 'applied', error: null, via: 'ack' };
  await append([{ type: 'work-settled', client, meta, data: { items: [item] } }]);
};

/** Beats that report a revision each arrive, all in one batch; by default now. */
const beat = (client: string, revisions: readonly string[], at = Date.now()) =>
  owner.append(
    revisions.map((settingsRevision) => ({
      sequence: ++sequence,
      time: BigInt(at) * 1_000_000n,
      subject: `reachback.v1.${client}.heartbeat`,
      data: Buffer.from(JSON.stringify({ settingsRevision })),
    })),
  );

/** What became of the client's settings, as far as beats told. */
const reported = async (client: string) => {
  const facts = await readFacts(db, { lane, after: 0n, upTo: owner.head, types: ['work-settled'], limit: 1_000 });
  return facts
    .filter((fact): fact is FactOf<'work-settled'> => fact.type === 'work-settled' && fact.client === client)
    .flatMap(({ data }) => data.items)
    .filter(({ via }) => via === 'report')
    .map(({ outcome, revision }) => `${outcome} ${revision}`);
};
const confirmed = async (client: string) => {
  const [row] = await db<{ revision: bigint }[]>`SELECT settings_revision AS revision FROM client WHERE id = ${client}`;
  return String(row?.revision);
};

describe('G6: what a beat reports of its settings', () => {
  test('G6: confirms them when the acknowledgement was lost, and is no news after that', async () => {
    const revision = await enter('lost');
    await deliver('lost', revision);
    await beat('lost', [revision]);
    expect(await reported('lost')).toEqual([`applied ${revision}`]);
    expect(await confirmed('lost')).toBe(revision);
    const before = owner.head;
    await beat('lost', [revision, revision, revision]);
    expect(owner.head - before).toBe(3n);
  });

  test('G6: is no news either when it was acknowledged', async () => {
    const revision = await enter('acknowledged');
    await acknowledge('acknowledged', revision);
    await owner.append([]);
    expect(owner.presence.members.reportRevision(0, Number(revision))).toBe(false);
    await beat('acknowledged', [revision]);
    expect(await reported('acknowledged')).toEqual([]);
  });

  test('G6: fails what it acknowledged when it says less, once', async () => {
    const revision = await enter('fallen');
    await acknowledge('fallen', revision);
    const later = Date.now() + reportAllowance + 1_000;
    await beat('fallen', ['1'], later);
    await beat('fallen', ['1', '1'], later);
    expect(await reported('fallen')).toEqual([`failed ${revision}`]);
    expect(await confirmed('fallen')).toBe('0');
    await beat('fallen', [revision], later);
    expect(await reported('fallen')).toEqual([`failed ${revision}`, `applied ${revision}`]);
  });

  test('G6: does not fail what was acknowledged a moment ago, and is looked into again with the next beat', async () => {
    const revision = await enter('racing');
    await acknowledge('racing', revision);
    await beat('racing', ['0']);
    expect(await reported('racing')).toEqual([]);
    expect(await confirmed('racing')).toBe(revision);
    await beat('racing', ['0'], Date.now() + reportAllowance + 1_000);
    expect(await reported('racing')).toEqual([`failed ${revision}`]);
  });

  test('G6: does not confirm what was sent to it later, as to one that was installed anew', async () => {
    const revision = await enter('late');
    const before = Date.now() - 1;
    await deliver('late', revision);
    await beat('late', [revision], before);
    expect(await reported('late')).toEqual([]);
    await beat('late', [revision]);
    expect(await reported('late')).toEqual([`applied ${revision}`]);
  });

  test('G6: counts with its last beat of a batch, and not at all when it leaves in it', async () => {
    const revision = await enter('both');
    await beat('both', ['1', revision]);
    expect(await reported('both')).toEqual([`applied ${revision}`]);
    const next = await change('both', { a: 2 });
    const uninstall = { sequence: ++sequence, time: BigInt(Date.now()) * 1_000_000n };
    const report = Buffer.from(JSON.stringify({ settingsRevision: next }));
    await owner.append([
      { ...uninstall, subject: 'reachback.v1.both.heartbeat', data: report },
      { ...uninstall, sequence: ++sequence, subject: 'reachback.v1.both.uninstall', data: Buffer.from('') },
    ]);
    expect(await reported('both')).toEqual([`applied ${revision}`]);
  });

  test('G6: counts anew for a client that registered again', async () => {
    const revision = await enter('again');
    await beat('again', [revision]);
    const data = { agentVersion: null, installed: {}, settingsRevision: null };
    await append([{ type: 'client-reinstalled', client: 'again', meta, data }]);
    expect(await confirmed('again')).toBe('0');
    await beat('again', [revision]);
    expect(await confirmed('again')).toBe(revision);
  });

  test('G3: the tighter limit that it confirms holds at once, and after a restart as well', async () => {
    await enter('strict');
    const revision = await change('strict', { reachback: { offlineAfter: 'PT2M' } });
    const { data } = owner.presence.members;
    await owner.append([]);
    expect(data.limit[0]).toBe(180_000);
    await beat('strict', [revision]);
    expect(data.limit[0]).toBe(120_000);
    const { presence } = await recoverPresence(db, lane, await readLane(db, lane));
    expect(presence.members.data.limit[0]).toBe(120_000);
    expect(presence.members.data.reportedRevision[0]).toBe(Number(revision));
  });
});
