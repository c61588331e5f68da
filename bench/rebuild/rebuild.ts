import type { Bench, Benchmark } from '../bench.js';
import { lane } from '../fleet/seed.js';
import { drain, offer } from '../heartbeats/window.js';
import { round } from '../statistics.js';
import { nextMessage, startNodeChild } from '../system/child.js';
import type { ReplayReport } from './replay-main.js';

const main = new URL('./replay-main.js', import.meta.url);
/** So many beats at least, for a figure that means something. */
const fewestContacts = 1_000_000;
const fillRate = 30_000;

/** How fast presence is rebuilt from the log alone, and how much memory it takes. Ends the server. */
export const rebuild: Benchmark = {
  seconds: { full: 90, quick: 22 },
  run: async (bench) => {
    const fleet = await bench.fleet();
    const { contacts } = await drain(bench, fleet, fleet.usualRate);
    const missing = fewestContacts - (contacts - fleet.clients);
    if (missing > 0) await offer(bench, fleet, fillRate, missing / fillRate);
    await drain(bench, fleet, 0);
    await fleet.server.stop();
    await bench.stack.db`DELETE FROM presence_snapshot`;
    bench.progress.say('replaying the log');
    const { factsPerSecond, beatsPerSecond, bytes, clients } = await replay(bench);
    bench.result.rebuild = { beatsPerSecond: round(beatsPerSecond), factsPerSecond: round(factsPerSecond) };
    bench.result.memory = { clients, bytesPerClient: round(bytes / clients) };
  },
};

const replay = async ({ stack, cleanup }: Bench): Promise<ReplayReport> => {
  const [row] = await stack.db<{ first: bigint }[]>`
    SELECT min(first_position) - 1 AS first FROM contact_chunk WHERE lane = ${lane}`;
  const child = startNodeChild(cleanup, { main, nodeOptions: ['--expose-gc'] });
  const answer = nextMessage<ReplayReport>(child);
  child.process.send({ url: stack.databaseUrl, factsUpTo: String(row?.first ?? 0) });
  const report = await answer;
  await child.stop();
  return report;
};
