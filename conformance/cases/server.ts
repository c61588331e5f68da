import { setTimeout as sleep } from 'node:timers/promises';
import type { ScriptCase } from '../case.js';
import type { TestClient } from '../client.js';
import { until } from '../until.js';
import type { World } from '../world.js';

/** How soon "at once" is, in milliseconds. */
const atOnce = 2_000;

const untilNotified = (client: TestClient, reason: string, after: number) =>
  until(
    `${client.id} is notified: ${reason}`,
    async () => client.notified.filter(({ at }) => at >= after),
    (heard) => heard.some((notification) => notification.reason === reason),
    { seconds: 10, pause: 20 },
  );

/** Everything that goes to a client, its own contacts apart. */
const spyOn = async (world: World, client: TestClient) => {
  const heard: string[] = [];
  const sent = ['register', 'start', 'reload', 'poll', 'update', 'ack', 'heartbeat', 'logs', 'stop', 'uninstall'];
  world.nats.subscribe(`reachback.v1.${client.id}.>`, {
    callback: (_error, { subject }) => {
      if (!sent.includes(subject.split('.').slice(3).join('.'))) heard.push(subject);
    },
  });
  await world.nats.flush();
  return heard;
};

const changesReach = async (world: World, direct: TestClient, group: string) => {
  const began = performance.now();
  await world.setGroup(group, { conformance: { at: began } });
  await untilNotified(direct, 'settings', began);
  await world.publish(world.component(), { version: '1', target: { groups: [group] } });
  await untilNotified(direct, 'update', began);
};

export const serverCases: readonly ScriptCase[] = [
  {
    rule: 'R17',
    title: 'no message leaves for an unreachable client, online or offline, after a setting change or a release',
    run: async (world, checks) => {
      const group = world.group();
      const [online, offline] = await Promise.all([world.client({ group }), world.client({ group })]);
      await offline.send('stop');
      const [spies, direct] = await Promise.all([
        Promise.all([spyOn(world, online), spyOn(world, offline)]),
        world.client({ group, network: 'direct' }),
      ]);
      await world.setGroup(group, { conformance: { passive: true } });
      await world.publish(world.component(), { version: '1', target: { groups: [group] } });
      await online.set({ conformance: { own: true } });
      await sleep(atOnce);
      await world.nats.flush();
      checks.equal('messages to the unreachable clients', spies.flat(), []);
      checks.equal('what waits for each', [(await online.queue()).length, (await offline.queue()).length], [2, 2]);
      checks.match('the direct client beside them', await direct.view(), { undelivered: 2 });
    },
  },
  {
    rule: 'R18',
    title: 'a direct client is told at once of a setting change and of a release, and fetches them',
    run: async (world, checks) => {
      const group = world.group();
      const client = await world.client({ group, network: 'direct' });
      const bystander = await world.client({ network: 'direct', group: world.group() });
      await Promise.all([client.settle(), bystander.settle()]);
      const known = bystander.notified.length;
      const began = performance.now();
      await world.setGroup(group, { conformance: { active: true } });
      const [first] = await untilNotified(client, 'settings', began);
      const told = (first?.at ?? 0) - began;
      checks.ok('the notification', told <= atOnce, `within ${atOnce} ms`, { milliseconds: told });
      checks.match('what it fetches', await client.send('poll'), {
        settings: { values: { conformance: { active: true } } },
      });
      const component = world.component();
      const published = performance.now();
      await world.publish(component, { version: '1', target: { groups: [group] } });
      await untilNotified(client, 'update', published);
      checks.match('what it fetches then', await client.send('poll'), { updates: [{ component, version: '1' }] });
      checks.equal('what a client hears that is not concerned', bystander.notified.slice(known), []);
    },
  },
  {
    rule: 'R18',
    title: 'clients that do not answer delay nobody',
    run: async (world, checks) => {
      const group = world.group();
      const given = { group, network: 'direct' } as const;
      const stuck = await Promise.all(Array.from({ length: 5 }, () => world.client(given)));
      for (const client of stuck) client.answering = false;
      const live = await world.client(given);
      for (let round = 0; round < 2; round++) {
        const began = performance.now();
        await changesReach(world, live, group);
        checks.ok('both notifications', performance.now() - began <= 2 * atOnce, `within ${2 * atOnce} ms`, {
          milliseconds: performance.now() - began,
        });
      }
    },
  },
  {
    rule: 'R19',
    title: 'a verification puts the silent offline, the answering online, and skips the unreachable',
    alone: true,
    run: async (world, checks) => {
      const direct = { network: 'direct', policy: 'patient' } as const;
      const [silent, back, well, unreachable] = await Promise.all([
        world.client(direct),
        world.client(direct),
        world.client(direct),
        world.client(),
      ]);
      silent.answering = false;
      await back.send('stop');
      const { id } = await world.admin.change<{ id: string }>('POST', '/v1/verifications', {});
      checks.match('the silent', await silent.untilStatus('Offline', { seconds: 30 }), { cause: 'verification' });
      checks.match('the one that answers again', await back.untilStatus('Online', { seconds: 30 }), {
        cause: 'verification',
      });
      const result = await until(
        'the verification is finished',
        () => world.admin.get<Verification>(`/v1/verifications/${id}`),
        ({ state }) => state === 'finished',
        { seconds: 45 },
      );
      const { asked, answered, unanswered, skipped } = result.progress;
      checks.ok('the skipped', skipped >= 1, 'at least the unreachable client', result.progress);
      checks.ok('the asked', asked >= 3 && asked === answered + unanswered, 'each answering or not', result.progress);
      checks.ok('those that did not answer', unanswered >= 1, 'at least the silent client', result.progress);
      checks.equal('the one that answered', await well.story(), ['Online registered']);
      checks.equal('the unreachable client', await unreachable.story(), ['Unreachable/Online registered']);
      checks.equal('messages to the unreachable client', unreachable.notified, []);
    },
  },
];

type Verification = {
  readonly state: string;
  readonly progress: {
    readonly asked: number;
    readonly answered: number;
    readonly unanswered: number;
    readonly skipped: number;
  };
};
