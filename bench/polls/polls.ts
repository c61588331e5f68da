import type { Bench, Benchmark } from '../bench.js';
import { fleetPrefix } from '../fleet/fleet.js';
import { cpuMicrosPer, drain, ratesBetween, read } from '../heartbeats/window.js';
import type { PollsJob, PollsReport } from '../load/polls-protocol.js';
import { sendRequests } from '../load/requests.js';
import { assertSpread } from '../load/spread.js';
import type { Polls } from '../result.js';
import { round } from '../statistics.js';

const usualPolls = 1_000;
const underWay = 256;

/**
 * How fast polls are answered at 1,000/s, alone and beside the fleet's heartbeats; how many are at most; and how many
 * beside the heartbeats without becoming slow.
 */
export const polls: Benchmark = {
  seconds: { full: 120, quick: 32 },
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
      withinLimit: await search(bench, most.perSecond),
    };
  },
};

const limitMs = 100;
/** Of the most that was answered with no heartbeats; each step is a share of the one before. */
const firstShare = 0.9;
const step = 0.85;

/** Steps down from about the most until polls are answered in time. */
const search = async (bench: Bench, most: number): Promise<Polls['withinLimit']> => {
  const mostSteps = bench.options.quick ? 2 : 8;
  for (let i = 0, rate = most * firstShare; i < mostSteps; i++, rate *= step) {
    const { perSecond, p99, errors } = await poll(bench, { perSecond: round(rate) }, bench.seconds(8, 2));
    if (p99 <= limitMs && errors === 0) return { limitMs, perSecond, p99 };
  }
  return null;
};

const poll = async (bench: Bench, offer: PollsJob['offer'], seconds: number): Promise<PollsReport> => {
  const { options, stack, cleanup, progress } = bench;
  const { clients } = options;
  if ('perSecond' in offer) assertSpread(offer.perSecond, clients);
  const report = await sendRequests(cleanup, { broker: stack.broker, prefix: fleetPrefix, clients, seconds, offer });
  const { perSecond, p50, p99, errors, firstError } = report;
  progress.say(`${perSecond}/s answered, p50 ${p50} ms, p99 ${p99} ms, ${errors} errors ${firstError ?? ''}`.trim());
  return report;
};
