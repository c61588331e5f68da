import type { ScriptCase } from '../case.js';
import type { TestClient } from '../client.js';
import { until } from '../until.js';

const stateOf = async (client: TestClient, component: string, version: string): Promise<string | undefined> =>
  (await client.queue(true)).find(({ key, revision }) => key === component && revision === version)?.state;

const updatesIn = async (client: TestClient, component: string): Promise<readonly string[]> =>
  (await client.send('poll')).updates.filter((update) => update.component === component).map(({ version }) => version);

export const bindingCases: readonly ScriptCase[] = [
  {
    rule: 'G4',
    title: 'a poll carries the newest version; a superseded one leaves a trace and never comes',
    run: async (world, checks) => {
      const client = await world.client();
      const component = world.component();
      const target = { clients: [client.id] };
      for (const version of ['1', '2', '3']) await world.publish(component, { version, target });
      checks.equal('the poll', await updatesIn(client, component), ['3']);
      checks.equal('the first', await stateOf(client, component, '1'), 'superseded');
      checks.equal('the second', await stateOf(client, component, '2'), 'superseded');
      await client.acknowledge(await client.send('poll'), 'failed');
      const afterFailure = await updatesIn(client, component);
      checks.ok('a poll after the newest failed', !afterFailure.some((v) => v !== '3'), 'no older one', afterFailure);
      checks.equal('the queue', (await client.queue()).filter(({ key }) => key === component).length, 1);
    },
  },
  {
    rule: 'G4',
    title: 'settings changed three times before a poll come once, as they are now',
    run: async (world, checks) => {
      const client = await world.client();
      for (const step of [1, 2, 3]) await client.set({ conformance: { step } });
      checks.equal('the queue', (await client.queue()).filter(({ kind }) => kind === 'settings').length, 1);
      const reply = await client.send('poll');
      checks.match('the settings', reply.settings?.values, { conformance: { step: 3 } });
    },
  },
  {
    rule: 'G4',
    title: 'what is no longer wanted is not delivered',
    run: async (world, checks) => {
      const client = await world.client({ labels: { conformance: world.prefix, ring: 'early' } });
      const component = world.component();
      await world.publish(component, {
        version: '1',
        target: { labels: { conformance: world.prefix, ring: 'early' } },
      });
      checks.equal('while it has the label', (await client.view()).undelivered > 0, true);
      await world.admin.change('PATCH', `/v1/clients/${client.id}`, { labels: { ring: 'late' } });
      checks.equal('the poll once it has not', await updatesIn(client, component), []);
    },
  },
  {
    rule: 'G4',
    title: 'what is no longer allowed is not delivered: paused, resumed, withdrawn',
    run: async (world, checks) => {
      const client = await world.client();
      const component = world.component();
      const { id } = await world.publish(component, { version: '1', target: { clients: [client.id] } });
      await world.admin.change('POST', `/v1/releases/${id}/pause`);
      checks.equal('a poll while paused', await updatesIn(client, component), []);
      await world.admin.change('POST', `/v1/releases/${id}/resume`);
      checks.equal('a poll once resumed', await updatesIn(client, component), ['1']);
      await world.admin.change('POST', `/v1/releases/${id}/withdraw`);
      checks.equal('a poll once withdrawn', await updatesIn(client, component), []);
      checks.equal('its trace', await stateOf(client, component, '1'), 'withdrawn');
    },
  },
  {
    rule: 'G5',
    title: 'after deliverBy an update is never delivered, and the queue says so',
    run: async (world, checks) => {
      const [client, late] = await Promise.all([world.client(), world.client()]);
      const component = world.component();
      const { time } = await client.send('poll');
      const deliverBy = new Date(Date.parse(time) + 3_000).toISOString();
      await world.publish(component, { version: '1', target: { clients: [client.id, late.id] }, deliverBy });
      checks.equal('a poll before', await updatesIn(client, component), ['1']);
      await until(
        'it expires',
        () => stateOf(late, component, '1'),
        (state) => state === 'expired',
      );
      checks.equal('the first poll after', await updatesIn(late, component), []);
      checks.equal(
        'the open queue',
        (await late.queue()).some(({ key }) => key === component),
        false,
      );
      checks.equal('a poll after, of one that had it before', await updatesIn(client, component), []);
      const results = [{ kind: 'update', component, version: '1', outcome: 'applied' }];
      await client.send('ack', { results });
      checks.equal('what it has applied since', await stateOf(client, component, '1'), 'acknowledged');
      const unbound = world.component();
      await world.publish(unbound, { version: '1', target: { clients: [client.id] } });
      checks.equal('an update without a deadline', await updatesIn(client, unbound), ['1']);
    },
  },
];
