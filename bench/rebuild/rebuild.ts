import { openDatabase } from '#event-log';
import type { Bench, Benchmark } from '../bench.js';
import { fleetPrefix, seedFleet } from '../fleet/fleet.js';
import { lane } from '../fleet/seed.js';
import { drain, offer } from '../heartbeats/window.js';
import type { Memory } from '../result.js';
import { round } from '../statistics.js';
import { nextMessage, startNodeChild } from '../system/child.js';
import type { ReplayReport } from './replay-main.js';

const main = new URL('./replay-main.js', import.meta.url);
/** So many beats at least, for a figure that means something. */
const fewestContacts = 1_000_000;
const fillRate = 30_000;

/** How fast presence is rebuilt from the log alone, and how much memory it takes. Ends the server. */
export const rebuild: Benchmark = {
  seconds: { full: 115, quick: 26 },
  run: async (bench) => {
    const fleet = await bench.fleet();
    const { contacts } = await drain(bench, fleet, fleet.usualRate);
    const missing = fewestContacts - (contacts - fleet.clients);
    if (missing > 0) await offer(bench, fleet, fillRate, missing / fillRate);
    await drain(bench, fleet, 0);
    await fleet.server.stop();
    await bench.stack.db`DELETE FROM presence_snapshot`;
    bench.progress.say('replaying the log');
    const whole = await replay(bench, bench.stack.databaseUrl);
    const { factsPerSecond, beatsPerSecond } = whole;
    bench.result.rebuild = { beatsPerSecond: round(beatsPerSecond), factsPerSecond: round(factsPerSecond) };
    bench.progress.say('replaying the log of a tenth of the clients');
    bench.result.memory = compareMemory(whole, await replay(bench, await seedSmallFleet(bench)));
  },
};

const smallShare = 0.1;

/** A fleet like the other in a database of its own; its address. */
const seedSmallFleet = async ({ stack, options, cleanup }: Bench): Promise<string> => {
  const url = await stack.createDatabase('small');
  const db = openDatabase({ url, connections: 1, name: 'reachback bench' });
  const close = cleanup.add(() => db.end({ timeout: 1 }));
  await seedFleet(db, { prefix: fleetPrefix, count: Math.round(options.clients * smallShare) }, () => undefined);
  await close();
  return url;
};

/** What each client more takes; and what is taken without any. */
const compareMemory = (large: ReplayReport, small: ReplayReport): Memory => {
  const clients = large.clients - small.clients;
  const perClient = (large.bytes - small.bytes) / clients;
  return {
    clients: large.clients,
    smallFleet: small.clients,
    bytesPerClient: round(perClient),
    residentBytesPerClient: round((large.residentBytes - small.residentBytes) / clients),
    fixedBytes: round(large.bytes - perClient * large.clients),
  };
};

const replay = async ({ cleanup }: Bench, url: string): Promise<ReplayReport> => {
  const db = openDatabase({ url, connections: 1, name: 'reachback bench' });
  const [row] = await db<{ first: bigint }[]>`
    SELECT min(first_position) - 1 AS first FROM contact_chunk WHERE lane = ${lane}`;
  await db.end({ timeout: 1 });
  const child = startNodeChild(cleanup, { main, nodeOptions: ['--expose-gc'] });
  const answer = nextMessage<ReplayReport>(child);
  child.process.send({ url, factsUpTo: String(row?.first ?? 0) });
  const report = await answer;
  await child.stop();
  return report;
};
