import { mkdir, writeFile } from 'node:fs/promises';
import type { Bench, Benchmark } from '../bench.js';
import type { Phases } from '../result.js';
import { round } from '../statistics.js';
import { type NodeChild, startNodeChild } from '../system/child.js';
import { Cleanup } from '../system/cleanup.js';
import { startServer } from '../system/server.js';
import { startStack } from '../system/stack.js';
import { type Arrivals, readArrivals, untilLogged } from './arrivals.js';
import { plot } from './plot.js';
import { fold, type Spread, spreadOf } from './spread.js';
import { drawSvg } from './svg.js';

const simulator = new URL('../../apps/agent/src/bundle.js', import.meta.url);
const picture = new URL('../../../docs/img/', import.meta.url);

const clients = 10_000;
/** Seconds between two heartbeats of a client, and how many intervals are looked at. */
const interval = 20;
const intervals = 3;
const network = '10.77';
const registerSeconds = 60;

/**
 * Ten thousand agents are cut off and start again at once; do their heartbeats come at once from then on (G9)? They
 * arrive at a system of their own, with nothing beside.
 */
export const phases: Benchmark = {
  seconds: { full: 125, quick: 125 },
  run: async (bench) => {
    const cleanup = new Cleanup();
    const end = bench.cleanup.add(() => cleanup.run());
    try {
      await measure(bench, cleanup);
    } finally {
      await end();
    }
  },
};

const measure = async (bench: Bench, cleanup: Cleanup): Promise<void> => {
  const { progress, signal } = bench;
  const stack = await startStack(cleanup, progress.say);
  const { ask } = await startServer(cleanup, stack);
  await ask('PUT', '/v1/networks', [{ name: 'nat', ranges: [`${network}.0.0/16`] }]);
  const policy = { heartbeat: { interval: `PT${interval}S` }, poll: { interval: 'PT60S' }, offlineAfter: 'PT60S' };
  await ask('PATCH', '/v1/settings', { reachback: policy });
  const fleet = await startAgents(bench, cleanup, stack.natsUrl);
  await bench.pause(interval);
  const killedAt = Date.now();
  await fleet.process.kill();
  progress.say('the fleet is killed, and starts again');
  const again = await startAgents(bench, cleanup, stack.natsUrl);
  const zero = Date.now();
  await bench.pause(intervals * interval);
  await untilLogged(stack.db, zero + intervals * interval * 1_000, signal);
  const killed = Math.floor((killedAt - zero) / 1_000);
  const arrivals = await readArrivals(stack.db, { zero, from: killed - interval, to: intervals * interval });
  await again.process.stop();
  const restart = arrivals.registrations.slice(interval);
  const worstWithoutPhases = round(spreadOf(fold(restart, interval)).worst, 4);
  await report(bench, arrivals, { registeredAfterSeconds: again.seconds, worstWithoutPhases });
};

/** Starts the simulated fleet; resolves when all are registered, with how long that took in seconds. */
const startAgents = async (
  { progress, pause }: Bench,
  cleanup: Cleanup,
  natsUrl: string,
): Promise<{ readonly process: NodeChild; readonly seconds: number }> => {
  const started = performance.now();
  const child = startNodeChild(cleanup, {
    main: simulator,
    args: ['simulate', '--server', natsUrl, '--clients', String(clients), '--network', network],
    env: { PATH: process.env['PATH'] },
  });
  const took = () => (performance.now() - started) / 1_000;
  while (!child.words().includes(`registered ${clients} of ${clients}`)) {
    if (took() > registerSeconds) throw new Error(`The fleet did not register: ${child.words()}`);
    await pause(0.02);
  }
  const seconds = round(took(), 1);
  progress.say(`${clients} agents are registered after ${seconds} s`);
  return { process: child, seconds };
};

const report = async (
  { progress, result }: Bench,
  arrivals: Arrivals,
  restart: Pick<Phases, 'registeredAfterSeconds' | 'worstWithoutPhases'>,
): Promise<void> => {
  const counted = arrivals.heartbeats.slice(-arrivals.from);
  const perInterval = Array.from({ length: intervals }, (_, i) =>
    spreadOf(counted.slice(i * interval, (i + 1) * interval)),
  );
  const spread = spreadOf(counted);
  result.phases = {
    clients,
    intervalSeconds: interval,
    ...restart,
    ...rounded(spread),
    perInterval: perInterval.map(rounded),
  };
  progress.say(`heartbeats per second; at 0 s all are registered again\n${plot(arrivals)}`);
  await mkdir(picture, { recursive: true });
  const title = `${clients.toLocaleString('en-US')} agents, killed and started again at once, with a heartbeat every ${interval} s`;
  await writeFile(new URL('phases.svg', picture), drawSvg({ arrivals, spread, title }));
};

const rounded = ({ mean, min, max, worst }: Spread): Spread => ({
  mean: round(mean, 1),
  min,
  max,
  worst: round(worst, 4),
});
