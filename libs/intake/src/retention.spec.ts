import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pino from 'pino';
import { subjects } from '#contracts';
import { createTestDatabase } from '#embedded';
import {
  appendFacts,
  condemn,
  type Database,
  detachDay,
  dropOldContacts,
  openDatabase,
  openRetentionDatabase,
  readHorizon,
  readLane,
  retain,
  takeLane,
  transact,
} from '#event-log';
import { history, inlineProjections, runFollower, statusAt, untilCaughtUp } from '#projections';
import { until } from '../../../test/helpers/conditions.js';
import { LaneOwner } from './owner.js';
import { ContactsGoneError, recoverPresence } from './recover.js';
import { loadSnapshot, saveSnapshot, takeSnapshot } from './snapshot.js';
import type { SourceMessage } from './source.js';

const lane = 0;
const meta = { actor: 'test' } as const;
const hour = 3_600_000;
const day = 24 * hour;
const minute = 60_000;
/** The log begins an hour after a midnight, and ends eight days later at noon; all of it is past. */
const midnight = Math.floor(Date.now() / day) * day - 9 * day;
const start = midnight + hour;
const end = midnight + 8 * day + 12 * hour;
/** Beyond the silence that is an outage there may be none: a tick comes as seldom as it may. */
const tickInterval = 2_000;
const dayOf = (n: number): string => new Date(midnight + n * day).toISOString().slice(0, 10);

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let db: Database;
/** What the job works on. */
const jobName = 'reachback retention';
const openJob = () => openRetentionDatabase({ url: database.url, name: jobName });
let job: Database;
let owner: LaneOwner;
let sequence = 0;

const message = (at: number, subject: string): SourceMessage => ({
  sequence: ++sequence,
  time: BigInt(at) * 1_000_000n,
  subject,
  data: Buffer.alloc(0),
});
/** Beats at these times, and ticks all the way. */
const messages = (from: number, to: number, beats: ReadonlyMap<number, readonly string[]>) => {
  const all: SourceMessage[] = [];
  for (let at = from; at < to; at += tickInterval) {
    all.push(message(at, subjects.tick));
    for (const id of beats.get(at) ?? []) all.push(message(at, subjects.agent(id, 'heartbeat')));
  }
  return all;
};
const appendAll = async (all: readonly SourceMessage[]): Promise<void> => {
  for (let i = 0; i < all.length; i += 5_000) await owner.append(all.slice(i, i + 5_000));
};

const registered = (client: string, ordinal: number, group: string) => ({
  type: 'client-registered' as const,
  client,
  meta,
  data: { ordinal, name: null, group, labels: {}, ips: ['10.0.0.1'], agentVersion: null, installed: {} },
});
const policy = (group: string, offlineAfter: string) => {
  const values = { reachback: { offlineAfter, heartbeat: { interval: 'PT30M' } } };
  const level = group === '' ? ({ scope: 'fleet' } as const) : ({ scope: 'group', path: group } as const);
  return { type: 'settings-changed' as const, client: null, meta, data: { level, patch: values, values } };
};
const networks = {
  type: 'networks-changed' as const,
  client: null,
  meta,
  data: { networks: [{ name: 'nat', ranges: ['10.0.0.0/8'] }] },
};

/** `beating` beats all the time, `gone` for two days, and `rare` once, on the first day, which is to do for 8.5 days. */
const fill = async (): Promise<void> => {
  await transact(db, (tx) =>
    appendFacts(
      tx,
      lane,
      [
        networks,
        policy('', 'PT1H'),
        policy('rare', 'PT204H'),
        registered('beating', 0, ''),
        registered('gone', 1, ''),
        registered('rare', 2, 'rare'),
      ],
      inlineProjections,
    ),
  );
  const beats = new Map<number, string[]>();
  for (let at = start; at < end; at += 30 * minute)
    beats.set(at, at < start + 2 * day ? ['beating', 'gone'] : ['beating']);
  beats.set(start + 8 * hour, ['rare', 'beating', 'gone']);
  await appendAll(messages(start, end, beats));
};

const takeOver = async (): Promise<LaneOwner> => {
  const term = await takeLane(db, lane);
  const row = await readLane(db, lane);
  const recovered = await recoverPresence(db, lane, row);
  const rejects = { record: () => undefined, flush: async () => undefined, stop: async () => undefined };
  return new LaneOwner({ ...row, ...recovered, db, lane, term, rejects, projections: inlineProjections });
};
/** Everything that presence knows, to the bit. */
/** But for a pass over all clients: a replay does not know whether it came to an end, and the next owner begins it anew. */
const recovered = async () => {
  const { presence } = await recoverPresence(db, lane, await readLane(db, lane));
  presence.reclassification = undefined;
  return takeSnapshot(presence, 0n);
};
const snapshot = () => saveSnapshot(db, lane, takeSnapshot(owner.presence, owner.head));
/** The days whose contacts plain SQL finds. */
const daysInLog = async () =>
  (
    await db<
      { day: string }[]
    >`SELECT DISTINCT (at AT TIME ZONE 'UTC')::date::text AS day FROM contact_chunk ORDER BY 1`
  ).map((row) => row.day);
const tablesOf = async (n: number) =>
  db`SELECT FROM pg_class WHERE relname = ${`contact_chunk_${dayOf(n).replaceAll('-', '')}`}`;

/** The last day of the log, for a day to be kept so long that only those up to `n` are due. */
const keepAfter = (n: number): number => 8 - 1 - n;

/** Vacuum, which begins by itself, gives way to whoever wants its table after a second: later than the job waits. */
const keepVacuumAway = async (): Promise<void> => {
  const partitions = await db<{ name: string }[]>`
    SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'contact_chunk'::regclass`;
  for (const { name } of partitions) await db`ALTER TABLE ${db(name)} SET (autovacuum_enabled = false)`;
};

let before: Awaited<ReturnType<typeof recovered>>;
const times = Array.from({ length: 8 * 24 }, (_, i) => new Date(start + i * hour));
const past = () =>
  Promise.all(
    ['beating', 'gone', 'rare'].flatMap((id) => times.map(async (at) => [id, at, await statusAt(db, id, at)])),
  );
let pastBefore: Awaited<ReturnType<typeof past>>;

beforeAll(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.url });
  job = openJob();
  owner = await takeOver();
  await fill();
  await keepVacuumAway();
  const following = runFollower({ db, follower: history, log: pino({ level: 'silent' }) });
  expect(await untilCaughtUp(db, history, 30_000)).toBe(true);
  await following.stop();
  before = await recovered();
  pastBefore = await past();
  expect(before).toEqual(takeSnapshot(owner.presence, 0n));
}, 120_000);
afterAll(async () => {
  await job.end();
  await db.end();
  await database.drop();
});

/** Who asks now finds what was there before any contact was dropped. */
const expectNothingChanged = async (): Promise<void> => {
  expect(await recovered()).toEqual(before);
  expect(await past()).toEqual(pastBefore);
};

describe('old contacts', () => {
  test('stay while no snapshot of presence lies beyond them, and while their days are not over', async () => {
    expect(await dropOldContacts(job, keepAfter(0))).toEqual([]);
    await saveSnapshot(db, lane, takeSnapshot(owner.presence, 5n));
    expect(await dropOldContacts(job, keepAfter(0))).toEqual([]);
    await db`DELETE FROM presence_snapshot`;
    await snapshot();
    expect(await dropOldContacts(job, keepAfter(-1))).toEqual([]);
    expect(await daysInLog()).toEqual(Array.from({ length: 9 }, (_, n) => dayOf(n)));
    expect(await readHorizon(db, lane)).toEqual({ position: 0n, contactsFrom: null });
  });

  test('G2 are dropped, a day at a time; presence, history and asOf are what they were', async () => {
    expect(await dropOldContacts(job, keepAfter(0))).toEqual([dayOf(0)]);
    expect(await daysInLog()).toEqual(Array.from({ length: 8 }, (_, n) => dayOf(n + 1)));
    expect(await tablesOf(0)).toHaveLength(0);
    expect((await readHorizon(db, lane)).contactsFrom).toEqual(new Date(midnight + day));
    await expectNothingChanged();
  });

  test('G7 whoever dies after condemning a day leaves it to the next run; recovery starts beyond it already', async () => {
    expect(await condemn(job, dayOf(1))).toBe(true);
    const { position } = await readHorizon(db, lane);
    expect((await loadSnapshot(db, lane)).position).toBeGreaterThanOrEqual(position);
    await expectNothingChanged();
    expect(await dropOldContacts(job, keepAfter(0))).toEqual([dayOf(1)]);
    await expectNothingChanged();
  });

  test('G7 whoever dies after detaching a day leaves a table that the next run drops', async () => {
    await condemn(job, dayOf(2));
    await detachDay(job, dayOf(2));
    expect(await tablesOf(2)).toHaveLength(1);
    expect(await daysInLog()).not.toContain(dayOf(2));
    await expectNothingChanged();
    expect(await dropOldContacts(job, keepAfter(0))).toEqual([dayOf(2)]);
    expect(await tablesOf(2)).toHaveLength(0);
  });

  test('G7 whoever is killed while it detaches a day is followed by a run that finishes it', async () => {
    await withReader(async () => {
      const dying = openJob();
      const detaching = dropOldContacts(dying, keepAfter(3)).catch((error: unknown) => error);
      const kill = () => db`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE '%DETACH PARTITION%' AND pid <> pg_backend_pid()`;
      await until(isPending, Boolean, { pause: 5 });
      expect(await kill()).toHaveLength(1);
      expect(await detaching).toBeInstanceOf(Error);
      await dying.end({ timeout: 1 });
      expect(await daysInLog()).not.toContain(dayOf(3));
      await expectNothingChanged();
    });
    expect(await isPending()).toBe(true);
    expect(await dropOldContacts(job, keepAfter(3))).toEqual([dayOf(3)]);
    expect(await tablesOf(3)).toHaveLength(0);
    await expectNothingChanged();
  });

  test('wait for a reader that takes long, with no lock that others would wait for', async () => {
    await withReader(async () => {
      for (const pending of [false, true]) {
        expect(await isPending()).toBe(pending);
        const trying = dropOldContacts(job, keepAfter(4)).then(
          () => undefined,
          (error: unknown) => error,
        );
        // Others read and append under these; only another partition would have to wait for the latter.
        const harmless = ['AccessShareLock', 'ShareUpdateExclusiveLock'];
        expect([...(await locksUntil(trying))].filter((mode) => !harmless.includes(mode))).toEqual([]);
        expect(await trying).toMatchObject({ code: '55P03' });
      }
    });
    expect(await dropOldContacts(job, keepAfter(4))).toEqual([dayOf(4)]);
    await expectNothingChanged();
  });

  test('are dropped once by several processes that run at once', async () => {
    const other = openJob();
    const runs = await Promise.all([retain(job, keepAfter(5)), retain(other, keepAfter(5))]);
    expect(runs.flatMap((run) => run?.days ?? [])).toEqual([dayOf(5)]);
    expect(await retain(other, keepAfter(5))).toEqual({ days: [], rejectSamples: 0 });
    await other.end();
  });

  test('R5 G1 a verdict whose contacts are gone comes when it is due, not sooner and not later', async () => {
    owner = await takeOver();
    const due = start + 8 * hour + 204 * hour;
    await appendAll(messages(end, due + 10_000, new Map([[end, ['beating']]])));
    const transitions = await db<{ client: string; cause: string; at: string }[]>`
      SELECT client_id AS client, data->>'cause' AS cause, data->>'at' AS at FROM event
      WHERE type = 'client-status-changed' AND (data->>'at')::timestamptz > ${new Date(end)} AND client_id = 'rare'`;
    expect(transitions).toEqual([{ client: 'rare', cause: 'silence', at: new Date(due).toISOString() }]);
  });

  test('a snapshot that is saved late by an owner that was replaced does not count', async () => {
    await snapshot();
    const { position } = await loadSnapshot(db, lane);
    await saveSnapshot(db, lane, takeSnapshot(owner.presence, 5n));
    expect((await loadSnapshot(db, lane)).position).toBe(position);
  });

  test('a snapshot of the format before, which knew nobody’s id, is read with the table of clients', async () => {
    const { members } = owner.presence;
    const { head, blocks } = takeSnapshot(owner.presence, owner.head);
    const ids = members.ids.pack(0, members.count);
    const columns = blocks.map((block) => block.subarray(0, block.length - ids.length));
    await saveSnapshot(db, lane, { position: owner.head, head: { ...head, format: 4 }, blocks: columns });
    const loaded = (await loadSnapshot(db, lane)).presence.members;
    expect(loaded.count).toBeGreaterThan(0);
    expect(loaded.ids.pack(0, loaded.count)).toEqual(ids);
    expect(loaded.data.lastContact.slice(0, loaded.count)).toEqual(members.data.lastContact.slice(0, members.count));
  });

  test('G1 without a snapshot beyond those that are gone there is no recovery: it would be wrong', async () => {
    await db`DELETE FROM presence_snapshot WHERE position > 5`;
    await expect(recovered()).rejects.toBeInstanceOf(ContactsGoneError);
  });

  test('samples of what could not be read go after a week', async () => {
    const sample = (age: string) => db`
      INSERT INTO reject_sample (at, subject, code, message, payload)
      VALUES (now() - ${age}::interval, ${age}, 'bad_json', '', '')`;
    await sample('6 days');
    await sample('8 days');
    expect(await retain(job, 3_650)).toMatchObject({ rejectSamples: 1 });
    expect(await db`SELECT subject FROM reject_sample`).toEqual([{ subject: '6 days' }]);
  });
});

const isPending = async (): Promise<boolean> =>
  (await db`SELECT FROM pg_inherits WHERE inhparent = 'contact_chunk'::regclass AND inhdetachpending`).length > 0;

/** The locks on the log of contacts, held or waited for by the job, that were seen until a promise was settled. */
const locksUntil = async (promise: Promise<unknown>): Promise<ReadonlySet<string>> => {
  const seen = new Set<string>();
  let settled = false;
  void promise.then(() => (settled = true));
  while (!settled) {
    const rows = await db<{ mode: string }[]>`
      SELECT l.mode FROM pg_locks l JOIN pg_stat_activity a USING (pid)
      WHERE l.relation = 'contact_chunk'::regclass AND a.application_name = ${jobName}`;
    for (const { mode } of rows) seen.add(mode);
  }
  return seen;
};

/** Runs `work` while a transaction that has read the log of contacts is open, as that of a backup is. */
const withReader = async (work: () => Promise<void>): Promise<void> => {
  const reading = openDatabase({ url: database.url, connections: 1 });
  try {
    await transact(reading, async (tx) => {
      await tx`SET LOCAL idle_in_transaction_session_timeout = 0`;
      await tx`SELECT count(*) FROM contact_chunk`;
      await work();
    });
  } finally {
    await reading.end();
  }
};
