import type { Bench, Benchmark } from '../bench.js';
import type { Fleet } from '../fleet/fleet.js';
import type { Heartbeats } from '../result.js';
import { round } from '../statistics.js';
import { readLag } from './lag.js';
import { costOfBeat, drain, offer, settle, type Window } from './window.js';

/** More than two cores can commit, for a first look at what is possible. */
const tooMuch = 150_000;
const firstShare = 0.92;
const stepDown = 0.92;
const stepUp = 1.06;
const allowedLag = 1_000;

type Tried = Window & {
  readonly rate: number;
  readonly lagP50: number;
  readonly lagP99: number;
  readonly held: boolean;
};

/**
 * Finds the highest rate that is sustained: as much is committed as is offered, the backlog does not grow, and the lag
 * stays under a second at the 99th percentile. Starts from what is committed when too much is offered, and goes up or
 * down from there.
 */
export const heartbeats: Benchmark = {
  seconds: { full: 150, quick: 55 },
  run: async (bench) => {
    const fleet = await bench.fleet();
    await drain(bench, fleet, fleet.usualRate);
    bench.progress.say(`offering ${tooMuch}/s`);
    const saturated = (await offer(bench, fleet, tooMuch, bench.seconds(12, 6))).committed;
    bench.progress.say(`${round(saturated)}/s with a growing backlog; waiting for it to drain`);
    const best = await search(bench, fleet, saturated);
    if (!best) throw new Error(`No rate was sustained; ${round(saturated)}/s were committed with a growing backlog.`);
    bench.result.heartbeats = describe(fleet, best, saturated, await countLost(bench, fleet));
  },
};

/**
 * Beats that the broker has acknowledged and the log does not have; below 0, it has some twice. Only before anybody but
 * the fleet's heartbeats has spoken.
 */
const countLost = async (bench: Bench, fleet: Fleet): Promise<number> => {
  const { stored, contacts } = await settle(bench, fleet);
  await fleet.beats.setRate(fleet.usualRate);
  return stored - (contacts - fleet.clients);
};

const search = async (bench: Bench, fleet: Fleet, saturated: number): Promise<Tried | undefined> => {
  let best: Tried | undefined;
  let rate = saturated * firstShare;
  const mostWindows = bench.options.quick ? 3 : 6;
  for (let i = 0; i < mostWindows; i++) {
    const tried = await attempt(bench, fleet, rate);
    const isBetter = tried.held && tried.committed > (best?.committed ?? 0);
    if (best && !isBetter) break;
    if (isBetter) best = tried;
    rate *= tried.held ? stepUp : stepDown;
  }
  return best;
};

const attempt = async (bench: Bench, fleet: Fleet, rate: number): Promise<Tried> => {
  await drain(bench, fleet, fleet.usualRate);
  bench.progress.say(`offering ${round(rate)}/s`);
  const window = await offer(bench, fleet, rate, bench.seconds(20, 8));
  const lag = await readLag(bench.stack.db, window.from.position, window.to.position);
  const [lagP50, lagP99] = [lag.percentile(0.5), lag.percentile(0.99)];
  const grown = window.to.backlog - window.from.backlog;
  const held = lagP99 <= allowedLag && grown < rate / 2 && window.committed > 0.97 * window.offered;
  bench.progress.say(
    `${round(window.committed)}/s of ${round(window.offered)}/s committed, lag p50 ${lagP50} ms, p99 ${lagP99} ms: ` +
      (held ? 'sustained' : 'not sustained'),
  );
  return { ...window, rate, lagP50, lagP99, held };
};

const describe = (fleet: Fleet, best: Tried, saturated: number, lost: number): Heartbeats => {
  const { from, to } = best;
  return {
    clients: fleet.clients,
    offered: round(best.offered),
    sustained: round(best.committed),
    saturated: round(saturated),
    lagP50: best.lagP50,
    lagP99: best.lagP99,
    ...costOfBeat(from, to),
    lost,
  };
};
