import type { Bench, Benchmark } from '../bench.js';
import { fleetPrefix } from '../fleet/fleet.js';
import { cpuMicrosPer, drain, ratesBetween, read } from '../heartbeats/window.js';
import type { PollsJob, PollsReport } from '../load/polls-protocol.js';
import { assertSpread } from '../load/spread.js';
import { round } from '../statistics.js';
import { nextMessage, startNodeChild } from '../system/child.js';

const main = new URL('../load/polls-main.js', import.meta.url);
const usualPolls = 1_000;
const underWay = 256;

/** How fast polls are answered at 1,000/s, alone and beside the fleet's heartbeats, and how many are at most. */
export const polls: Benchmark = {
  seconds: { full: 60, quick: 24 },
  run: async (bench) => {
    const fleet = await bench.fleet();
    const seconds = bench.seconds(15, 5);
    await drain(bench, fleet, 0);
    bench.progress.say(`${usualPolls}/s, no heartbeats`);
    const alone = await poll(bench, { perSecond: usualPolls }, seconds);
    bench.progress.say(`${underWay} under way at a time`);
    const before = await read(bench, fleet);
    const most = await poll(bench, { underWay }, seconds);
    const after = await read(bench, fleet);
    await drain(bench, fleet, fleet.usualRate);
    bench.progress.say(`${usualPolls}/s beside ${fleet.usualRate} heartbeats/s`);
    const [from, beside, to] = [
      await read(bench, fleet),
      await poll(bench, { perSecond: usualPolls }, seconds),
      await read(bench, fleet),
    ];
    bench.result.polls = {
      perSecond: most.perSecond,
      cpuMicrosPerPoll: cpuMicrosPer(after.contacts - before.contacts, before, after),
      p50: alone.p50,
      p99: alone.p99,
      errors: alone.errors + most.errors + beside.errors,
      besideHeartbeats: {
        heartbeatsPerSecond: round(ratesBetween(from, to).offered),
        p50: beside.p50,
        p99: beside.p99,
      },
    };
  },
};

const warmUp = 2;

const poll = async (bench: Bench, offer: PollsJob['offer'], seconds: number): Promise<PollsReport> => {
  const { options, stack, cleanup, progress } = bench;
  if ('perSecond' in offer) assertSpread(offer.perSecond, options.clients);
  const child = startNodeChild(cleanup, { main });
  const answer = nextMessage<PollsReport>(child);
  const job = {
    url: stack.natsUrl,
    connections: 4,
    prefix: fleetPrefix,
    clients: options.clients,
    warmUp,
    seconds,
    offer,
  };
  child.process.send(job satisfies PollsJob);
  const report = await answer;
  await child.stop();
  const { perSecond, p50, p99, errors, firstError } = report;
  progress.say(`${perSecond}/s answered, p50 ${p50} ms, p99 ${p99} ms, ${errors} errors ${firstError ?? ''}`.trim());
  return report;
};
