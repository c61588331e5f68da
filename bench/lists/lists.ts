import type { Bench, Benchmark } from '../bench.js';
import { fleetPrefix } from '../fleet/fleet.js';
import { clientId, scatter } from '../fleet/names.js';
import { drain } from '../heartbeats/window.js';
import { publishRelease } from '../publish/publish.js';
import { percentile, round } from '../statistics.js';
import { type ListRow, rowsFor, type Somebody, somebodies } from './requests.js';

const rareClients = 5;

/**
 * How long each list takes, under every filter and sort, from places all over the fleet: through HTTP, one at a time,
 * beside the fleet's heartbeats. Without them all would fall silent meanwhile, and what is timed would be their verdicts.
 */
export const lists: Benchmark = {
  seconds: { full: 240, quick: 20 },
  run: async (bench) => {
    const fleet = await bench.fleet();
    await drain(bench, fleet, fleet.usualRate);
    const { ask } = fleet.server;
    const release = await publishRelease(ask, 'listed');
    for (let i = 0; i < rareClients; i++) {
      const id = clientId(fleetPrefix, Math.floor((i + 0.5) * (fleet.clients / rareClients)));
      await ask('PATCH', `/v1/clients/${id}`, { labels: { rare: 'yes' } });
    }
    const requests = bench.seconds(200, 10);
    const ordinals = Array.from({ length: requests }, (_, i) => scatter(i * 17, fleet.clients));
    const from = await somebodies(bench.stack.db, fleetPrefix, ordinals);
    bench.result.lists = [];
    for (const row of rowsFor(release.id)) {
      const entry = { name: row.name, ...(await time(bench, row, from)) };
      bench.progress.say(`${entry.name}: p50 ${entry.p50} ms, p99 ${entry.p99} ms`);
      bench.result.lists.push(entry);
    }
  },
};

/** A list that takes long is asked for less often. */
const enoughSeconds = 4;

const time = async (bench: Bench, row: ListRow, from: readonly Somebody[]) => {
  const { server } = await bench.fleet();
  const took: number[] = [];
  for (let sum = 0; took.length < from.length && sum < enoughSeconds * 1000; sum += took.at(-1) ?? 0) {
    bench.signal.throwIfAborted();
    const somebody = from[took.length];
    if (!somebody) break;
    const path = row.path(somebody, took.length);
    const start = performance.now();
    await server.ask('GET', path);
    took.push(performance.now() - start);
  }
  return { requests: took.length, p50: round(percentile(took, 0.5), 1), p99: round(percentile(took, 0.99), 1) };
};
