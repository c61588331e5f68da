import type { ScriptCase } from '../case.js';
import type { Kind, TestClient } from '../client.js';
import type { World } from '../world.js';

/** Gives a client that lacks nothing a setting and an update to fetch; the component. */
const queueWork = async (world: World, client: TestClient): Promise<string> => {
  await client.settle();
  await client.set({ conformance: { wanted: true } });
  const component = world.component();
  await world.publish(component, { version: '1.0', target: { clients: [client.id] } });
  return component;
};

const statesOf = async (client: TestClient): Promise<readonly string[]> =>
  (await client.queue()).map(({ kind, state }) => `${kind} ${state}`).sort();

const bothPending = ['settings pending', 'update pending'];
const bothDelivered = ['settings delivered', 'update delivered'];

/** As long as one level of settings may reasonably be, in characters. */
const large = 150_000;

export const deliveryCases: readonly ScriptCase[] = [
  {
    rule: 'R13',
    title: 'a beat carries nothing, not even in its receipt',
    run: async (world, checks) => {
      const client = await world.client();
      await queueWork(world, client);
      checks.equal('the queue', await statesOf(client), bothPending);
      const receipt = await client.send('heartbeat');
      for (const field of ['settings', 'updates', 'policy', 'more']) {
        checks.equal(`${field} in the receipt`, Object.hasOwn(receipt, field), false);
      }
      checks.equal('the queue after the beat', await statesOf(client), bothPending);
      checks.equal('messages to the client', client.notified, []);
    },
  },
  {
    rule: 'R14',
    title: 'a poll carries all that is undelivered',
    run: async (world, checks) => {
      const client = await world.client();
      const component = await queueWork(world, client);
      const others = [world.component(), world.component()];
      for (const other of others) await world.publish(other, { version: '7', target: { clients: [client.id] } });
      const reply = await client.send('poll');
      checks.match('its settings', reply.settings?.values, { conformance: { wanted: true } });
      checks.equal(
        'its updates',
        reply.updates.map((update) => update.component).sort(),
        [component, ...others].sort(),
      );
      checks.equal('more', reply.more, false);
      const again = await client.send('poll');
      checks.equal('a poll before the acknowledgement', again.updates.length, 3);
      await client.acknowledge(again);
      checks.match('a poll after it', await client.send('poll'), { settings: null, updates: [], more: false });
      checks.match('the client', await client.view(), { undelivered: 0, installed: { [component]: '1.0' } });
    },
  },
  {
    rule: 'R14',
    title: 'what does not fit waits, and the reply says so',
    run: async (world, checks) => {
      const group = world.group();
      await world.setGroup(group, { conformance: { far: 'x'.repeat(large) } });
      const client = await world.client({ group });
      await client.set({ conformance: { near: 'y'.repeat(large) } });
      const components = [world.component(), world.component()];
      for (const component of components) {
        await world.publish(component, { version: '1', target: { clients: [client.id] } });
      }
      const got = new Set<string>();
      for (let more = true, polls = 0; more && polls < 10; polls++) {
        const reply = await client.send('poll');
        for (const { component } of reply.updates) got.add(component);
        await client.acknowledge(reply);
        more = reply.more;
        checks.equal('work left where the reply says so', (await client.queue()).length > 0, more);
      }
      checks.equal('updates after all polls', [...got].sort(), [...components].sort());
    },
  },
  ...(
    [
      { kind: 'register', payload: {} },
      { kind: 'start', payload: {} },
      { kind: 'reload', payload: {} },
      { kind: 'update', payload: { trigger: 'manual' } },
      { kind: 'update', payload: { trigger: 'scheduled' } },
    ] as const satisfies readonly { kind: Kind; payload: object }[]
  ).map(({ kind, payload }): ScriptCase => ({
    rule: 'R15',
    title: `${kind} ${Object.values(payload).join('')} of an offline client`,
    run: async (world, checks) => {
      const client = await world.client();
      const component = await queueWork(world, client);
      await client.send('stop');
      const reply = await client.send(kind, payload);
      checks.match('the reply', reply, {
        settings: { values: { conformance: { wanted: true } } },
        updates: [{ component, version: '1.0' }],
        more: false,
      });
      checks.equal('the queue', await statesOf(client), bothDelivered);
      const status = kind === 'update' ? 'Unreachable/Offline' : 'Unreachable/Online';
      checks.match('the client', await client.view(), { status });
    },
  })),
];
