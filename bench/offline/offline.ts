import type { Bench, Benchmark } from '../bench.js';
import { readLane } from '#event-log';
import type { Fleet } from '../fleet/fleet.js';
import { lane, seedClients } from '../fleet/seed.js';
import { drain } from '../heartbeats/window.js';
import { startBeats } from '../load/beats.js';
import { judge, type Silenced } from './judge.js';

const prefix = 'silent';
const limitSeconds = 10;
/** Of the fleet, and in addition to it. */
const share = 0.2;
/** They fall silent in no order over as many seconds. Each turns online first, which is as much work again. */
const fullSpread = 120;
const quickSpread = 24;
/** So that the lane is never locked for long while the fleet beats. */
const perTransaction = 1_000;

/**
 * Clients with a short limit of their own, a fifth as many as the fleet, beat once and fall silent, while the fleet goes
 * on: how long after each verdict was due it is committed, and whether every verdict is right.
 */
export const offline: Benchmark = {
  seconds: { full: 210, quick: 57 },
  run: async (bench) => {
    const fleet = await bench.fleet();
    const count = Math.round(fleet.clients * share);
    await drain(bench, fleet, fleet.usualRate);
    const { position } = await readLane(bench.stack.db, lane);
    const ordinals = await register(bench, fleet, count);
    await drain(bench, fleet, fleet.usualRate);
    bench.progress.say(`${count} clients beat once and fall silent`);
    await beatOnce(bench, count);
    const silenced = { ordinals, prefix, limit: limitSeconds * 1000, since: position };
    await untilJudged(bench, silenced);
    const judgement = await judge(bench.stack.db, silenced);
    bench.result.offline = { clients: fleet.clients, silenced: count, ...judgement };
  },
};

const register = async ({ stack, progress }: Bench, { server }: Fleet, count: number): Promise<readonly number[]> => {
  const policy = { heartbeat: { interval: 'PT5S' }, offlineAfter: `PT${limitSeconds}S` };
  await server.ask('PATCH', `/v1/groups/${prefix}/settings`, { reachback: policy });
  progress.say(`registering ${count} clients with a limit of ${limitSeconds} s`);
  return seedClients(stack.db, { prefix, count, member: () => ({ group: prefix, labels: {} }), perTransaction });
};

const beatOnce = async (bench: Bench, count: number): Promise<void> => {
  const { stack, cleanup } = bench;
  const beats = await startBeats(cleanup, { broker: stack.broker, prefix, count, rounds: 1, connections: 1 });
  await beats.setRate(Math.ceil(count / bench.seconds(fullSpread, quickSpread)));
  for (let sent = 0; sent < count; sent = (await beats.report()).sent) await bench.pause(0.2);
  const { stored } = await beats.settle();
  if (stored < count) throw new Error(`The broker stored ${stored} of ${count} beats.`);
  await beats.stop();
};

/** For a server that is behind. */
const patienceSeconds = 90;

/** Looks only at what is new each time: a look at everything would itself be a load. */
const untilJudged = async (bench: Bench, { ordinals, since }: Silenced): Promise<void> => {
  const deadline = performance.now() + patienceSeconds * 1000;
  let verdicts = 0;
  for (let after = since; verdicts < ordinals.length && performance.now() < deadline; await bench.pause(1)) {
    const { position } = await readLane(bench.stack.db, lane);
    const [row] = await bench.stack.db<{ verdicts: number }[]>`
      SELECT count(*)::integer AS verdicts FROM event
      WHERE lane = ${lane} AND position > ${after} AND position <= ${position}
        AND type = 'client-status-changed' AND data->>'cause' = 'silence'`;
    verdicts += row?.verdicts ?? 0;
    after = position;
  }
};
