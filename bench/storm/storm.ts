import { readLane } from '#event-log';
import type { Bench, Benchmark } from '../bench.js';
import { fleetPrefix } from '../fleet/fleet.js';
import { addressOf } from '../fleet/names.js';
import { lane } from '../fleet/seed.js';
import { drain } from '../heartbeats/window.js';
import { type RequestsJob, sendRequests } from '../load/requests.js';
import { countOffline } from '../recovery/recovery.js';

/** Of the fleet; half of them are new, and half start again. */
const share = 0.2;
const withinSeconds = 10;
const patience = 240;
const prefix = 'storm';
/** So that those that register, and then say nothing more, are not rightly put offline while we look. */
const policy = { heartbeat: { interval: 'PT1H' }, poll: { interval: 'PT3H' }, offlineAfter: 'PT2H' };

/**
 * A part of the fleet registers or starts within ten seconds, as after a power failure, while the others beat. Who is
 * told that the server has too much to do asks again when it said, as agents do, and waits from when it first asked.
 */
export const storm: Benchmark = {
  seconds: { full: 120, quick: 20 },
  run: async (bench) => {
    const fleet = await bench.fleet();
    const { db } = bench.stack;
    await fleet.server.ask('PATCH', `/v1/groups/${prefix}/settings`, { reachback: policy });
    await drain(bench, fleet, fleet.usualRate);
    const { position } = await readLane(db, lane);
    const half = Math.round((fleet.clients * share) / 2);
    bench.progress.say(`${half} clients register and ${half} start within ${withinSeconds} s`);
    const ips = [addressOf(0)];
    const [registrations, starts] = await Promise.all([
      send(bench, half, { prefix, kind: 'register', payload: JSON.stringify({ group: prefix, ips }) }),
      send(bench, half, { prefix: fleetPrefix, kind: 'start', payload: '{}' }),
    ]);
    await drain(bench, fleet, fleet.usualRate);
    const upTo = (await readLane(db, lane)).position;
    const worst = (part: 'p50' | 'p99' | 'lasted') => Math.max(registrations[part], starts[part]);
    bench.result.storm = {
      ...{ registered: half, started: half, withinSeconds },
      ...{ p50: worst('p50'), p99: worst('p99'), lastReplyMs: worst('lasted') },
      refused: registrations.refused + starts.refused,
      failed: registrations.errors + starts.errors,
      wrongOffline: await countOffline(db, { after: position, upTo, of: [prefix, fleetPrefix] }),
    };
    const { firstError } = registrations.errors > 0 ? registrations : starts;
    bench.progress.say(`the last was answered after ${worst('lasted')} ms ${firstError ?? ''}`.trim());
  },
};

const send = ({ stack, cleanup }: Bench, clients: number, job: Pick<RequestsJob, 'prefix' | 'kind' | 'payload'>) => {
  const offer = { perSecond: clients / withinSeconds };
  const times = { warmUp: 0, seconds: withinSeconds, patience };
  return sendRequests(cleanup, {
    ...job,
    ...times,
    broker: stack.broker,
    clients,
    offer,
    connections: 2,
    retries: true,
  });
};
