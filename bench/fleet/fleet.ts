import type { Bench } from '../bench.js';
import { appendFacts, type Database, migrate, transact } from '#event-log';
import { history, inlineProjections } from '#projections';
import { type Beats, startBeats } from '../load/beats.js';
import type { BenchResult } from '../result.js';
import { round } from '../statistics.js';
import { type Server, startServer } from '../system/server.js';
import { memberOf } from './members.js';
import { lane, networkName, putOnline, type Seed, seedClients } from './seed.js';

export const fleetPrefix = 'bench';

/**
 * Beats a second that go on whatever else is measured: about what a million clients send that beat once a minute. Fewer
 * clients beat more often for it, but not all of them in less than ten seconds, which no fleet does.
 */
const usualRateOf = (clients: number): number => Math.min(15_000, clients / 10);

/** A server with its fleet: registered, unreachable, online, under the policy of a new installation. */
export type Fleet = {
  server: Server;
  readonly beats: Beats;
  readonly clients: number;
  readonly usualRate: number;
};

export const startFleet = async ({ options, stack, cleanup, progress, result }: Bench): Promise<Fleet> => {
  const { clients } = options;
  result.seeding = await seedFleet(stack.db, { prefix: fleetPrefix, count: clients, member: memberOf }, progress.say);
  progress.say('starting the server');
  const server = await startServer(cleanup, stack, { profile: options.profile });
  const beats = await startBeats(cleanup, { broker: stack.broker, prefix: fleetPrefix, count: clients });
  const usualRate = usualRateOf(clients);
  await beats.setRate(usualRate);
  return { server, beats, clients, usualRate };
};

/** An installation whose fleet is registered and online; clients are numbered by their ordinals. How fast that was. */
export const seedFleet = async (
  db: Database,
  seed: Seed,
  say: (text: string) => void,
): Promise<BenchResult['seeding']> => {
  await migrate(db);
  await declareNetwork(db);
  const { prefix, count } = seed;
  const tell = (what: string) => (done: number) => {
    if (done % 100_000 === 0 || done === count) say(`${what} ${done} of ${count} clients`);
  };
  const start = performance.now();
  const ordinals = await seedClients(db, seed, tell('registered'));
  const between = performance.now();
  await putOnline(db, prefix, ordinals, tell('put online'));
  const end = performance.now();
  await settleDatabase(db);
  return {
    registrationsPerSecond: round((count * 1000) / (between - start)),
    transitionsPerSecond: round((count * 1000) / (end - between)),
  };
};

const declareNetwork = (db: Database) =>
  transact(db, (tx) =>
    appendFacts(
      tx,
      lane,
      [
        {
          type: 'networks-changed',
          client: null,
          meta: { actor: 'system' },
          data: { networks: [{ name: networkName, ranges: ['10.0.0.0/8'] }] },
        },
      ],
      inlineProjections,
    ),
  );

/**
 * What a database has behind it whose fleet grew over months: conclusions drawn from all facts, the follower of the
 * history up to date, statistics, and no checkpoint due.
 */
const settleDatabase = async (db: Database): Promise<void> => {
  await db`UPDATE lane SET seen_position = (SELECT position FROM log_head) WHERE id = ${lane}`;
  await db`
    INSERT INTO status_history (client_id, position, at, status, cause)
    SELECT client_id, position, (data->>'at')::timestamptz, data->>'status', data->>'cause'
    FROM event WHERE type = 'client-status-changed'`;
  await db`
    INSERT INTO projection_checkpoint (name, version, position)
    SELECT ${history.name}, ${history.version}, position FROM log_head`;
  await db.unsafe('VACUUM ANALYZE client, presence, event');
  await db`CHECKPOINT`;
};
