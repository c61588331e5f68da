import type { Bench } from '../bench.js';
import { appendFacts, type Database, migrate, transact } from '#event-log';
import { history, inlineProjections } from '#projections';
import { type Beats, startBeats } from '../load/beats.js';
import { type Server, startServer } from '../system/server.js';
import { type Description, lane, networkName, putOnline, seedClients } from './seed.js';

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

export const startFleet = async ({ options, stack, cleanup, progress }: Bench): Promise<Fleet> => {
  const { clients } = options;
  const { db } = stack;
  await migrate(db);
  await declareNetwork(db);
  const say = (what: string) => (done: number) => {
    if (done % 100_000 === 0 || done === clients) progress.say(`${what} ${done} of ${clients} clients`);
  };
  const ordinals = await seedClients(db, { prefix: fleetPrefix, count: clients, describe }, say('registered'));
  await putOnline(db, fleetPrefix, ordinals, say('put online'));
  await settleDatabase(db);
  progress.say('starting the server');
  const server = await startServer(cleanup, stack, { profile: options.profile });
  const beats = await startBeats(cleanup, { url: stack.natsUrl, prefix: fleetPrefix, count: clients });
  const usualRate = usualRateOf(clients);
  await beats.setRate(usualRate);
  return { server, beats, clients, usualRate };
};

const groups = 2_000;
const systems = ['windows', 'linux', 'mac', 'bsd'] as const;
const rings = 5;
/** A group that the pages below ask for, and a label. */
export const someGroup = 'region-7';
export const someLabel = 'os:linux';

/**
 * Two thousand groups below forty regions, twenty combinations of labels in each, and one label that nobody else has: as
 * a fleet with an inventory is.
 */
const describe = (i: number): Description => {
  const site = i % groups;
  const combination = Math.floor(i / groups);
  return {
    group: `region-${site % 40}/site-${site}`,
    labels: {
      os: systems[combination % systems.length] ?? systems[0],
      ring: String(Math.floor(combination / systems.length) % rings),
      asset: `A${i}`,
    },
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
  await db`UPDATE lane SET seen_position = position WHERE id = ${lane}`;
  await db`
    INSERT INTO status_history (client_id, position, at, status, cause)
    SELECT client_id, position, (data->>'at')::timestamptz, data->>'status', data->>'cause'
    FROM event WHERE type = 'client-status-changed'`;
  await db`
    INSERT INTO projection_checkpoint (name, version, lane, position)
    SELECT ${history.name}, ${history.version}, id, position FROM lane WHERE id = ${lane}`;
  await db.unsafe('VACUUM ANALYZE client, presence, event, cohort, cohort_member');
  await db`CHECKPOINT`;
};
