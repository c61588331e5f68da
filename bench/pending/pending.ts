import type { Bench, Benchmark } from '../bench.js';
import { someGroup, someLabel } from '../fleet/members.js';
import { drain } from '../heartbeats/window.js';
import { publishRelease } from '../publish/publish.js';
import type { Counting } from '../result.js';
import { percentile, round } from '../statistics.js';

type FleetAnswer = { readonly undelivered: { readonly clients: number } };
type ReleaseAnswer = { readonly progress: { readonly pending: number } };
type Total = { readonly total: number };

const lists = {
  everybody: '',
  lacking: '&undelivered=true',
  filtered: `&undelivered=true&network=bench&group=${someGroup}&label=${someLabel}`,
} as const;

/** How long the exact counts take, when everybody lacks something, beside the fleet's beats. */
export const pending: Benchmark = {
  seconds: { full: 60, quick: 20 },
  run: async (bench) => {
    const fleet = await bench.fleet();
    await drain(bench, fleet, fleet.usualRate);
    const { ask } = fleet.server;
    const { id } = await publishRelease(ask, 'counted');
    const total = async (filters: string) => (await ask<Total>('GET', `/v1/clients?limit=1${filters}`)).total;
    const everybody = fleet.clients;
    const counts = {
      release: await count(bench, 'a release', everybody, async () => {
        const { progress } = await ask<ReleaseAnswer>('GET', `/v1/releases/${id}`);
        return progress.pending;
      }),
      fleet: await count(bench, 'the fleet', everybody, async () => {
        const { undelivered } = await ask<FleetAnswer>('GET', '/v1/fleet');
        return undelivered.clients;
      }),
      groups: await count(bench, 'the groups', everybody, async () => (await ask<Total>('GET', '/v1/groups')).total),
      all: await count(bench, 'the clients', everybody, () => total(lists.everybody)),
      lacking: await count(bench, 'the clients that lack something', everybody, () => total(lists.lacking)),
      filtered: await count(bench, 'the clients of a group with a label', 1, () => total(lists.filtered)),
    };
    const ms = Math.max(...Object.values(counts).map(({ p99 }) => p99));
    bench.result.pendingCount = { clients: fleet.clients, ms, counts };
  },
};

/** The times of a count that must be exact: nobody of the fleet polls, so everybody is in it. */
const count = async (bench: Bench, what: string, least: number, run: () => Promise<number>): Promise<Counting> => {
  const took = await bench.sample(async () => {
    const counted = await run();
    if (counted < least) throw new Error(`Of ${what}, ${counted} of ${least} are counted.`);
  });
  const [p50, p99] = [round(percentile(took, 0.5), 1), round(percentile(took, 0.99), 1)];
  bench.progress.say(`${what} counted in ${p50} ms, p99 ${p99} ms`);
  return { p50, p99 };
};
