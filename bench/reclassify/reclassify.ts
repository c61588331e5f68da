import type { Bench, Benchmark } from '../bench.js';
import { type Database, readLane } from '#event-log';
import { addressOf } from '../fleet/names.js';
import { lane, networkName } from '../fleet/seed.js';
import { readLag } from '../heartbeats/lag.js';
import { drain } from '../heartbeats/window.js';
import { round } from '../statistics.js';

/** Beats a second that go on beside it, unless the fleet is too small for them. */
const moderateRate = 5_000;
/** At that rate a million are heard every 200 s each: nobody is to be silent too long meanwhile. */
const offlineAfter = 'PT1H';
/** Of the fleet, in seconds: what takes longer has failed. */
const patienceSeconds = 400;

/** What is left of the network, and the ordinal below which clients lose it: all of them, or when quick some. */
const withoutAll = { ranges: [], upTo: 2 ** 31 - 1 };
const quickClients = 20_000;
const withoutSome = { ranges: [`${addressOf(quickClients)}-10.255.255.255`], upTo: quickClients };

/**
 * An administrator withdraws the only network, and the whole fleet turns from unreachable to direct (R1): how long it
 * takes until the log says so of everybody, and how far intake falls behind the beats meanwhile. The fleet stays direct.
 */
export const reclassify: Benchmark = {
  seconds: { full: 200, quick: 12 },
  run: async (bench) => {
    const fleet = await bench.fleet();
    await fleet.server.ask('PATCH', '/v1/settings', { reachback: { offlineAfter } });
    await drain(bench, fleet, Math.min(moderateRate, fleet.usualRate));
    const { db } = bench.stack;
    const { ranges, upTo } = bench.options.quick ? withoutSome : withoutAll;
    const clients = await countClients(db, upTo);
    const before = await readLane(db, lane);
    const start = Date.now();
    await fleet.server.ask('PUT', '/v1/networks', ranges.length > 0 ? [{ name: networkName, ranges }] : []);
    const { last, committed } = await untilReclassified(bench, clients, before.position);
    await fleet.beats.setRate(fleet.usualRate);
    const ms = committed.getTime() - start;
    const lag = await readLag(db, before.position, last);
    const [lagP50, lagP99] = [lag.percentile(0.5), lag.percentile(0.99)];
    const perSecond = round((clients * 1000) / ms);
    bench.result.reclassify = { clients, ms, perSecond, lagP50, lagP99 };
  },
};

/** All there are up to an ordinal: with those that another benchmark has registered. */
const countClients = async (db: Database, upTo: number): Promise<number> => {
  const [row] = await db<{ clients: number }[]>`
    SELECT count(*)::integer AS clients FROM client WHERE lane = ${lane} AND ordinal < ${upTo} AND removed_at IS NULL`;
  return row?.clients ?? 0;
};

type Seen = { readonly changed: number; readonly last: bigint; readonly committed: Date };

/** Looks at what came since the last look only: the log may have millions of facts. */
const untilReclassified = async (bench: Bench, clients: number, since: bigint): Promise<Seen> => {
  const deadline = performance.now() + patienceSeconds * 1000;
  let [changed, last] = [0, since];
  while (performance.now() < deadline) {
    const [row] = await bench.stack.db<Seen[]>`
      SELECT count(*)::integer AS changed, max(position) AS last, max(pg_xact_commit_timestamp(xmin)) AS committed
      FROM event WHERE lane = ${lane} AND position > ${last} AND data->>'cause' = 'network-changed'`;
    if (row && row.changed > 0) {
      changed += row.changed;
      last = row.last;
      bench.progress.say(`${changed} of ${clients} clients are reclassified`);
      if (changed === clients) return { changed, last, committed: row.committed };
    }
    await bench.pause(1);
  }
  throw new Error(`After ${patienceSeconds} s, ${changed} of ${clients} clients are reclassified.`);
};
