import { setTimeout as sleep } from 'node:timers/promises';
import { Temporal } from 'temporal-polyfill';
import type { ScriptCase } from '../case.js';
import type { TestClient } from '../client.js';
import { policies } from '../policies.js';
import type { Fleet, WorkReply } from '../shapes.js';
import { speakFor, withoutStalls } from '../speaking.js';
import type { World } from '../world.js';

const herd = 200;
const buckets = 10;

const secondsOf = (duration: string): number => Temporal.Duration.from(duration).total('seconds');

/** Some at a time, as a fleet comes back after a power cut. */
const registerHerd = async (world: World): Promise<readonly WorkReply[]> => {
  const clients = await Promise.all(Array.from({ length: herd }, () => world.stranger({ policy: 'patient' })));
  const replies: WorkReply[] = [];
  while (replies.length < herd) {
    const some = clients.slice(replies.length, replies.length + 25);
    replies.push(
      ...(await Promise.all(
        some.map((client) => client.ask('register', { ips: client.ips, group: `${world.prefix}/patient` })),
      )),
    );
  }
  return replies;
};

const milliseconds = async (work: () => Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await work();
  return performance.now() - began;
};

const medianOf = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

/** Polls of clients one after another for some seconds; how long each took. */
const pollFor = async (clients: readonly TestClient[], seconds: number, replies: WorkReply[]): Promise<number[]> => {
  const times: number[] = [];
  for (const end = performance.now() + seconds * 1000; performance.now() < end;) {
    for (const client of clients) {
      times.push(await milliseconds(async () => replies.push(await client.ask('poll'))));
    }
    await sleep(20);
  }
  return times;
};

/** Messages of one client at a steady rate; the errors that its requests are answered. */
const flood = async (
  client: TestClient,
  perSecond: number,
  seconds: number,
): Promise<readonly WorkReply['error'][]> => {
  const errors: WorkReply['error'][] = [];
  const began = performance.now();
  const poll = async () => {
    const { error } = await client.ask('poll').catch((failure: Error): WorkReply | { error: undefined } => {
      if (failure.name === 'TimeoutError') return { error: undefined };
      throw failure;
    });
    if (error) errors.push(error);
  };
  const underWay: Promise<void>[] = [];
  for (let sent = 0; sent < perSecond * seconds;) {
    const due = Math.min(perSecond * seconds, Math.floor(((performance.now() - began) * perSecond) / 1000));
    for (; sent < due; sent++) underWay.push(poll());
    await sleep(5);
  }
  await Promise.all(underWay);
  return errors;
};

export const loadCases: readonly ScriptCase[] = [
  {
    rule: 'G9',
    title: `${herd} clients that start at once have places all over the interval, the same at every start`,
    run: async (world, checks) => {
      const interval = secondsOf(policies.patient.heartbeat.interval);
      const phases = (await registerHerd(world)).map(({ policy }) => secondsOf(policy.phase));
      checks.ok(
        'the phases',
        phases.every((p) => p >= 0 && p < interval),
        `from 0 up to ${interval} s`,
        phases,
      );
      const counts = Array.from(
        { length: buckets },
        (_, bucket) => phases.filter((phase) => Math.floor((phase / interval) * buckets) === bucket).length,
      );
      const even = herd / buckets;
      const isEven = counts.every((count) => count >= even / 2 && count <= even * 1.5);
      checks.ok('clients in each tenth of the interval', isEven, `about ${even}`, counts);
      const client = await world.client();
      const first = (await client.send('start')).policy.phase;
      checks.equal('the phase at the next start', (await client.send('start')).policy.phase, first);
    },
  },
  {
    rule: 'G1',
    title: 'a backlog puts nobody offline that beat in time',
    alone: true,
    run: async (world, checks) => {
      const crowd = await Promise.all(Array.from({ length: 50 }, () => world.client({ policy: 'patient' })));
      const watched = await withoutStalls(2_000, async () => {
        const result = await Promise.all(Array.from({ length: 5 }, () => world.client({ policy: 'brisk' })));
        const speaking = Promise.all(result.map((client) => speakFor(client, 'heartbeat', 6)));
        for (let second = 0; second < 5; second++) {
          for (let i = 0; i < 100; i++) {
            for (const { id } of crowd) world.nats.publish(`reachback.v1.${id}.heartbeat`);
          }
          await sleep(1_000);
        }
        return { silence: Math.max(...(await speaking)), result };
      });
      await Promise.all(watched.map((client) => client.send('heartbeat')));
      const causes = (await Promise.all(watched.map((client) => client.story()))).flat();
      const expected = watched.map(() => 'Unreachable/Online registered');
      checks.equal('transitions of those that beat twice a second', causes, expected);
    },
  },
  {
    rule: 'G12',
    title: 'a client that floods is refused alone; its neighbours behind the same address notice nothing',
    alone: true,
    run: async (world, checks) => {
      const ips = [`198.18.${world.networks.octet}.77`];
      const flooder = await world.client({ ips });
      const neighbours = await Promise.all([world.client({ ips }), world.client({ ips })]);
      const replies: WorkReply[] = [];
      const before = medianOf(await pollFor(neighbours, 1, replies));
      const [errors, during] = await Promise.all([flood(flooder, 1_000, 3), pollFor(neighbours, 3, replies)]);
      const { ingest } = await world.admin.get<Fleet>('/v1/fleet');
      checks.equal('errors to the neighbours', replies.filter(({ error }) => error).length, 0);
      const allowed = Math.max(250, before * 10);
      checks.ok('a neighbour’s poll', medianOf(during) <= allowed, `${Math.round(allowed)} ms at most`, {
        milliseconds: medianOf(during),
        before,
      });
      checks.ok('the lag of intake', ingest !== null && ingest.lagSeconds <= 1, '1 s at most', ingest);
      const [error] = errors;
      checks.match('the answer to the flood', error, { code: 'rate_limited' });
      checks.ok('retryAfterSeconds', (error?.retryAfterSeconds ?? 0) > 0, 'above 0', error);
      const codes = new Set(errors.map((other) => other?.code));
      checks.equal('all errors', [...codes], ['rate_limited']);
    },
  },
];
