import type { Benchmark } from '../bench.js';
import { readLag } from '../heartbeats/lag.js';
import { costOfBeat, drain, offer, settle } from '../heartbeats/window.js';
import { round } from '../statistics.js';

/** A little above what is wanted, so that a generator that is late now and then still offers it. */
const rate = 52_000;

/** One rate for minutes, with whatever comes in that time: snapshots, purges of the stream, checkpoints. */
export const sustained: Benchmark = {
  seconds: { full: 25, quick: 8 },
  hasWindow: true,
  run: async (bench) => {
    const fleet = await bench.fleet();
    const before = await settle(bench, fleet);
    await drain(bench, fleet, fleet.usualRate);
    const { window: seconds } = bench.options;
    bench.progress.say(`offering ${rate}/s for ${seconds} s`);
    const { from, to, offered, committed } = await offer(bench, fleet, rate, seconds);
    await fleet.beats.setRate(fleet.usualRate);
    const lag = await readLag(bench.stack.db, from.position, to.position);
    const [lagP50 = 0, lagP99 = 0, lagMax = 0] = [0.5, 0.99, 1].map((share) => lag.percentile(share));
    const after = await settle(bench, fleet);
    await fleet.beats.setRate(fleet.usualRate);
    bench.result.sustained = {
      ...{ clients: fleet.clients, seconds, offered: round(offered), committed: round(committed) },
      ...{ lagP50, lagP99, lagMax },
      backlogGrown: to.backlog - from.backlog,
      ...costOfBeat(from, to),
      lost: after.stored - before.stored - (after.contacts - before.contacts),
    };
  },
};
