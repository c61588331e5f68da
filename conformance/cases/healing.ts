import type { ScriptCase } from '../case.js';
import type { TestClient } from '../client.js';
import type { World } from '../world.js';

const delivered = async (world: World) => {
  const client = await world.client();
  await client.settle();
  await client.set({ conformance: { healing: true } });
  const component = world.component();
  await world.publish(component, { version: '2', target: { clients: [client.id] } });
  return { client, component, reply: await client.send('poll') };
};

const settledOf = async (client: TestClient, key: string): Promise<number> =>
  (await client.events()).filter(
    ({ type, data }) => type === 'work-settled' && JSON.stringify(data).includes(`"${key}"`),
  ).length;

const finished = async (client: TestClient, key: string) => (await client.queue(true)).find((item) => item.key === key);

export const healingCases: readonly ScriptCase[] = [
  {
    rule: 'G6',
    title: 'what a client reports settles the queue though its acknowledgement was lost',
    run: async (world, checks) => {
      const { client, component, reply } = await delivered(world);
      checks.equal('undelivered before', (await client.view()).undelivered, 2);
      const report = { installed: { [component]: '2' }, settingsRevision: reply.settings?.revision };
      checks.match('the next poll', await client.send('poll', report), { settings: null, updates: [] });
      checks.equal('the queue', await client.queue(), []);
      checks.match('what became of it', await finished(client, component), { state: 'acknowledged' });
    },
  },
  {
    rule: 'G6',
    title: 'a client that reports the old version after acknowledging the new one has failed',
    run: async (world, checks) => {
      const { client, component, reply } = await delivered(world);
      await client.acknowledge(reply);
      checks.equal('the queue once acknowledged', await client.queue(), []);
      await client.send('poll', { installed: { [component]: '1' } });
      const item = (await client.queue()).find(({ key }) => key === component);
      checks.match('the update', item, { revision: '2', state: 'failed' });
    },
  },
  {
    rule: 'G7',
    title: 'an acknowledgement sent ten times shows once',
    run: async (world, checks) => {
      const { client, component, reply } = await delivered(world);
      const results = reply.updates.map(({ component: name, version }) => ({
        kind: 'update',
        component: name,
        version,
        outcome: 'applied',
      }));
      const answers = await Promise.all(Array.from({ length: 10 }, () => client.ask('ack', { results })));
      for (const answer of answers) checks.equal('the answer', answer, { accepted: 1 });
      checks.equal('facts in the log', await settledOf(client, component), 1);
      const items = (await client.queue(true)).filter(({ key }) => key === component);
      checks.match('the queue', items, [{ state: 'acknowledged' }]);
    },
  },
  {
    rule: 'G7',
    title: 'a poll retried under its message id is one delivery',
    run: async (world, checks) => {
      const client = await world.client();
      const component = world.component();
      await world.publish(component, { version: '1', target: { clients: [client.id] } });
      for (let i = 0; i < 3; i++) await client.ask('poll', {}, `${client.id}-poll`);
      checks.match('the update', await finished(client, component), { state: 'delivered', attempts: 1 });
    },
  },
  {
    rule: 'G7',
    title: 'a beat sent three times under one message id is one beat',
    run: async (world, checks) => {
      const client = await world.client();
      await Promise.all([1, 2, 3].map(() => client.ask('heartbeat', {}, `${client.id}-beat`)));
      await client.send('heartbeat');
      const beats = (await client.events()).filter(({ type }) => type === 'heartbeat');
      checks.equal('beats in the log', beats.length, 2);
    },
  },
];
