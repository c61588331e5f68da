import type { Bench, Benchmark } from '../bench.js';
import type { Fleet } from '../fleet/fleet.js';
import { drain } from '../heartbeats/window.js';
import { round } from '../statistics.js';
import { nextMessage, startNodeChild } from '../system/child.js';
import { Cleanup } from '../system/cleanup.js';
import { replayedBy, startServer } from '../system/server.js';
import { startStack } from '../system/stack.js';

const main = new URL('./snapshot-main.js', import.meta.url);

/** How long a server takes to be ready, of a fleet that is silent for the moment: with a snapshot, and without. */
export const startup: Benchmark = {
  seconds: { full: 90, quick: 14 },
  run: async (bench) => {
    const { stack, progress } = bench;
    const fleet = await bench.fleet();
    await drain(bench, fleet, 0);
    await fleet.server.stop();
    progress.say('saving a snapshot');
    await saveSnapshot(bench);
    const withSnapshotMs = await restart(bench, fleet);
    progress.say(`ready after ${withSnapshotMs} ms with a snapshot`);
    await fleet.server.stop();
    await stack.db`DELETE FROM presence_snapshot`;
    const withoutSnapshotMs = await restart(bench, fleet);
    progress.say(`ready after ${withoutSnapshotMs} ms without`);
    const replayed = replayedBy(fleet.server);
    const emptyMs = await startEmpty(bench);
    bench.result.startup = { clients: fleet.clients, withSnapshotMs, withoutSnapshotMs, replayed, emptyMs };
    await fleet.beats.setRate(fleet.usualRate);
  },
};

const restart = async ({ cleanup, stack, options }: Bench, fleet: Fleet): Promise<number> => {
  const start = performance.now();
  fleet.server = await startServer(cleanup, stack, { profile: options.profile });
  return round(performance.now() - start);
};

/** As of the head of the log: the server takes them by time and by contacts, and there may be none yet. */
const saveSnapshot = async ({ cleanup, stack }: Bench): Promise<void> => {
  const child = startNodeChild(cleanup, { main });
  const answer = nextMessage(child);
  child.process.send({ url: stack.databaseUrl });
  await answer;
  await child.stop();
};

/** A server of its own, with a broker and a database that nobody has used: the least that a start takes. */
const startEmpty = async ({ cleanup, progress, options }: Bench): Promise<number> => {
  const own = new Cleanup();
  const end = cleanup.add(() => own.run());
  const empty = await startStack(own, progress.say, { access: options.access });
  const start = performance.now();
  await startServer(own, empty);
  const ms = round(performance.now() - start);
  await end();
  return ms;
};
