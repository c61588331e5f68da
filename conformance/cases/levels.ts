import type { ScriptCase } from '../case.js';

type Effective = { readonly values: unknown; readonly from: Readonly<Record<string, string>> };

export const levelCases: readonly ScriptCase[] = [
  {
    rule: 'R20',
    title: 'the nearer level overrides the farther key by key',
    run: async (world, checks) => {
      const near = `${world.group()}/desktops`;
      const far = near.slice(0, near.lastIndexOf('/'));
      await world.setGroup(far, { conformance: { a: 1, b: 1, c: 1, deep: { x: 1, y: 1 } } });
      await world.setGroup(near, { conformance: { b: 2, c: 2, deep: { y: 2 } } });
      const client = await world.client({ group: near });
      await client.set({ conformance: { c: 3 } });
      const expected = { conformance: { a: 1, b: 2, c: 3, deep: { x: 1, y: 2 } } };
      const { values, from } = await world.admin.get<Effective>(`/v1/clients/${client.id}/settings/effective`);
      checks.match('the effective settings', values, expected);
      checks.match('where each is from', from, {
        'conformance.a': `group:${far}`,
        'conformance.b': `group:${near}`,
        'conformance.c': 'client',
        'conformance.deep.x': `group:${far}`,
        'conformance.deep.y': `group:${near}`,
      });
      checks.match('what is delivered', (await client.send('poll')).settings?.values, expected);
      await client.set({ conformance: null });
      checks.match('once the client sets nothing', (await client.send('poll')).settings?.values, {
        conformance: { c: 2 },
      });
    },
  },
  {
    rule: 'R20',
    title: 'what the fleet sets reaches a client whose group says nothing of it',
    run: async (world, checks) => {
      const client = await world.client({ group: world.group() });
      const fleet = await world.admin.get<{ values: object }>('/v1/settings');
      const { values } = await world.admin.get<Effective>(`/v1/clients/${client.id}/settings/effective`);
      checks.equal('its effective settings', values, fleet.values);
    },
  },
  {
    rule: 'R20',
    title: 'the policy has the same levels, and a client that moves has its new group’s',
    run: async (world, checks) => {
      const [first, second] = [world.group(), world.group()];
      const policyOf = (interval: string) => ({
        reachback: {
          heartbeat: { enabled: true, interval },
          poll: { enabled: true, interval: 'PT1H' },
          offlineAfter: 'PT3H',
        },
      });
      await world.setGroup(first, policyOf('PT10M'));
      await world.setGroup(second, policyOf('PT20M'));
      const client = await world.client({ group: first });
      const heartbeat = async () => (await client.send('poll')).policy.heartbeat.interval;
      checks.equal('of its group', await heartbeat(), 'PT10M');
      await world.admin.change('PATCH', `/v1/clients/${client.id}`, { group: second });
      checks.equal('of its new group', await heartbeat(), 'PT20M');
      await client.set({ reachback: { heartbeat: { interval: 'PT15M' } } });
      checks.equal('its own', await heartbeat(), 'PT15M');
    },
  },
];
