import type { ScriptCase } from '../case.js';
import type { ListOf, Release } from '../shapes.js';

type Standing = { readonly client: string; readonly state: string; readonly why: string | null };

export const releaseCases: readonly ScriptCase[] = [
  {
    rule: 'G10',
    title: 'a release counts who has it and who lacks it, and says when it will be done',
    run: async (world, checks) => {
      const clients = await Promise.all([0, 1, 2, 3].map(() => world.client()));
      const [done, failing, asleep, waiting] = clients;
      if (!done || !failing || !asleep || !waiting) throw new Error('There are four clients.');
      await asleep.send('stop');
      const component = world.component();
      const { id } = await world.publish(component, { version: '1', target: { clients: clients.map((c) => c.id) } });
      await done.acknowledge(await done.send('poll'));
      await failing.acknowledge(await failing.send('poll'), 'failed');
      const release = () => world.admin.get<Release>(`/v1/releases/${id}`);
      checks.match('its progress', (await release()).progress, {
        targeted: 4,
        acknowledged: 1,
        failed: 1,
        pending: 2,
        delivered: 0,
        expired: 0,
        superseded: 0,
      });
      const standings = async (state: string) => {
        const { items } = await world.admin.get<ListOf<Standing>>(`/v1/releases/${id}/clients?state=${state}`);
        return new Map(items.map((item) => [item.client, item]));
      };
      const pending = await standings('pending');
      checks.equal('who waits', [...pending.keys()].sort(), [asleep.id, waiting.id].sort());
      checks.match('why the sleeping one waits', pending.get(asleep.id), { state: 'pending', why: 'asleep' });
      const failed = await standings('failed');
      checks.match('why another failed', failed.get(failing.id), { state: 'failed', why: 'failing' });
      await asleep.send('start');
      const { eta } = await release();
      checks.ok('eta while all are online', eta !== null && Date.parse(eta) > 0, 'a time', eta);
    },
  },
  {
    rule: 'G10',
    title: 'a rollout over an hour admits clients one after another, and says who is not yet admitted',
    run: async (world, checks) => {
      const clients = await Promise.all(Array.from({ length: 12 }, () => world.client()));
      const target = { clients: clients.map(({ id }) => id) };
      const component = world.component();
      const { id } = await world.publish(component, { version: '1', target, rollout: { over: 'PT1H' } });
      const { items } = await world.admin.get<ListOf<Standing>>(`/v1/releases/${id}/clients?state=pending`);
      const notAdmitted = items.filter(({ why }) => why === 'not-yet-admitted').map((item) => item.client);
      checks.ok('those not yet admitted', notAdmitted.length >= 6, 'most of twelve', notAdmitted);
      const first = clients.find((client) => notAdmitted.includes(client.id));
      const updates = (await first?.send('poll'))?.updates ?? [];
      checks.equal(
        'a poll of one of them',
        updates.filter((update) => update.component === component),
        [],
      );
    },
  },
  {
    rule: 'G10',
    title: 'a client that is stuck holds up nobody behind it',
    run: async (world, checks) => {
      const [stuck, next] = await Promise.all([world.client(), world.client()]);
      const component = world.component();
      const target = { clients: [stuck.id, next.id] };
      await world.publish(component, { version: '1', target });
      await stuck.acknowledge(await stuck.send('poll'), 'failed');
      checks.match('the other’s poll', await next.send('poll'), { updates: [{ component }] });
      const other = world.component();
      await world.publish(other, { version: '1', target });
      const got = (await stuck.send('poll')).updates.map((update) => update.component);
      checks.ok('another component of the stuck one', got.includes(other), other, got);
    },
  },
];
