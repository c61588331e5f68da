import type { Bench, Benchmark } from '../bench.js';
import type { Fleet } from '../fleet/fleet.js';
import { drain } from '../heartbeats/window.js';
import { publishRelease } from '../publish/publish.js';

type FleetAnswer = { readonly undelivered: { readonly clients: number } };
type ReleaseAnswer = { readonly progress: { readonly pending: number } };

/** How long the exact counts take of who lacks something, when everybody does. */
export const pending: Benchmark = {
  seconds: { full: 60, quick: 10 },
  run: async (bench) => {
    const fleet = await bench.fleet();
    await drain(bench, fleet, fleet.usualRate);
    const { ask } = fleet.server;
    const { id } = await publishRelease(ask, 'counted');
    const releaseMs = await count(bench, fleet, 'a release', async () => {
      const { progress } = await ask<ReleaseAnswer>('GET', `/v1/releases/${id}`);
      return progress.pending;
    });
    const fleetMs = await count(bench, fleet, 'the fleet', async () => {
      const { undelivered } = await ask<FleetAnswer>('GET', '/v1/fleet');
      return undelivered.clients;
    });
    bench.result.pendingCount = { clients: fleet.clients, ms: Math.max(fleetMs, releaseMs), fleetMs, releaseMs };
  },
};

/** The median time of a count that must be exact: nobody of the fleet polls, so everybody is in it. */
const count = async (bench: Bench, fleet: Fleet, what: string, run: () => Promise<number>): Promise<number> => {
  const ms = await bench.time(async () => {
    const counted = await run();
    if (counted < fleet.clients) throw new Error(`Of ${what}, ${counted} of ${fleet.clients} clients are counted.`);
  });
  bench.progress.say(`${what} counted in ${ms} ms`);
  return ms;
};
