import { type Database, readLane } from '#event-log';
import type { Bench, Benchmark } from '../bench.js';
import { type Fleet, fleetPrefix } from '../fleet/fleet.js';
import { lane } from '../fleet/seed.js';
import { read, settle } from '../heartbeats/window.js';
import { round } from '../statistics.js';
import { replayedBy, startServer } from '../system/server.js';

/** Kills the server while the fleet beats, and starts another in its place. */
export const recovery: Benchmark = {
  seconds: { full: 60, quick: 20 },
  run: async (bench) => {
    const fleet = await bench.fleet();
    const before = await settle(bench, fleet);
    const { position } = await readLane(bench.stack.db, lane);
    await fleet.beats.setRate(fleet.usualRate);
    await bench.pause(bench.seconds(5, 2));
    bench.progress.say('killing the server');
    const start = performance.now();
    await fleet.server.kill();
    fleet.server = await startServer(bench.cleanup, bench.stack, { profile: bench.options.profile });
    const ms = round(performance.now() - start);
    bench.progress.say(`ready after ${ms} ms`);
    await untilCaughtUp(bench, fleet);
    const caughtUpMs = round(performance.now() - start);
    const after = await settle(bench, fleet);
    await fleet.beats.setRate(fleet.usualRate);
    const lostOrDoubled = Math.abs(after.stored - before.stored - (after.contacts - before.contacts));
    const { db } = bench.stack;
    const upTo = (await readLane(db, lane)).position;
    const wrongOffline = await countOffline(db, { after: position, upTo, of: [fleetPrefix] });
    const replayed = replayedBy(fleet.server);
    bench.result.recovery = { clients: fleet.clients, ms, caughtUpMs, replayed, wrongOffline, lostOrDoubled };
  },
};

const patienceSeconds = 60;

const untilCaughtUp = async (bench: Bench, fleet: Fleet): Promise<void> => {
  const deadline = performance.now() + patienceSeconds * 1000;
  while ((await read(bench, fleet)).backlog > fleet.usualRate && performance.now() < deadline) await bench.pause(0.05);
};

/** Clients with these prefixes, who went on speaking, that were put offline between two positions of the log. */
export const countOffline = async (
  db: Database,
  { after, upTo, of }: { readonly after: bigint; readonly upTo: bigint; readonly of: readonly string[] },
): Promise<number> => {
  const [row] = await db<{ clients: number }[]>`
    SELECT count(DISTINCT client_id)::integer AS clients FROM event
    WHERE position > ${after} AND position <= ${upTo} AND type = 'client-status-changed'
      AND data->>'status' LIKE '%Offline' AND client_id LIKE ANY(${of.map((prefix) => `${prefix}-%`)})`;
  return row?.clients ?? 0;
};
