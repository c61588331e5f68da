import type { ScriptCase } from '../case.js';
import type { Status } from '../shapes.js';
import type { World } from '../world.js';

const ipv6 = (world: World, host: string) => `2001:db8:${world.networks.octet.toString(16)}::${host}`;
const second = (world: World, host: number) => `198.19.${world.networks.octet}.${host}`;

export const networkCases: readonly ScriptCase[] = [
  {
    rule: 'R1',
    title: 'one address in a range, whatever the notation, makes a client unreachable',
    run: async (world, checks) => {
      const { octet } = world.networks;
      await world.networks.set('span', [`${second(world, 10)}-${second(world, 20)}`]);
      await world.networks.set('v6', [`${ipv6(world, '')}/48`]);
      const [nat, span, v6] = ['nat', 'span', 'v6'].map((name) => `${world.prefix}-${name}`);
      const rows = [
        { ips: [`198.18.${octet}.255`], network: 'unreachable', networkName: nat },
        { ips: [`::ffff:198.18.${octet}.7`], network: 'unreachable', networkName: nat },
        { ips: [second(world, 10)], network: 'unreachable', networkName: span },
        { ips: [second(world, 20)], network: 'unreachable', networkName: span },
        { ips: [`::ffff:${second(world, 15)}`], network: 'unreachable', networkName: span },
        { ips: [ipv6(world, 'abcd')], network: 'unreachable', networkName: v6 },
        { ips: [second(world, 9), second(world, 11)], network: 'unreachable', networkName: span },
        { ips: [second(world, 9)], network: 'direct', networkName: null },
        { ips: [second(world, 21)], network: 'direct', networkName: null },
        { ips: [], network: 'direct', networkName: null },
      ];
      for (const { ips, ...expected } of rows) {
        const client = await world.client({ ips });
        checks.match(`a client with ${ips.join(', ') || 'no address'}`, await client.view(), expected);
      }
    },
  },
  {
    rule: 'R1',
    title: 'changed networks reclassify at once; clients stay online or offline as they were',
    run: async (world, checks) => {
      const given = { ips: [second(world, 100)], policy: 'patient' } as const;
      const [on, off] = await Promise.all([world.client(given), world.client(given)]);
      await off.send('stop');
      const expectBoth = async (statuses: readonly [Status, Status], hasLimit: boolean) => {
        const views = await Promise.all([on.untilStatus(statuses[0]), off.untilStatus(statuses[1])]);
        checks.equal(
          'causes',
          views.map(({ cause }) => cause),
          ['network-changed', 'network-changed'],
        );
        checks.ok('the silence limit', (views[0].offlineAt !== null) === hasLimit, hasLimit ? 'one' : 'none', views[0]);
      };
      checks.equal('offlineAt of a direct client', (await on.view()).offlineAt, null);
      await world.networks.set('late', [`${second(world, 96)}/28`]);
      await expectBoth(['Unreachable/Online', 'Unreachable/Offline'], true);
      await world.networks.remove('late');
      await expectBoth(['Online', 'Offline'], false);
    },
  },
  {
    rule: 'R1',
    title: 'a client that reports another address is reclassified by it',
    run: async (world, checks) => {
      const client = await world.client({ network: 'direct' });
      const inside = [`198.18.${world.networks.octet}.200`];
      await client.send('heartbeat', { ips: inside });
      checks.match('after a beat from inside', await client.untilStatus('Unreachable/Online'), {
        cause: 'network-changed',
      });
      await client.send('poll', { ips: [] });
      checks.match('after a poll without address', await client.untilStatus('Online'), { cause: 'network-changed' });
      checks.equal('the story', await client.story(), [
        'Online registered',
        'Unreachable/Online network-changed',
        'Online network-changed',
      ]);
    },
  },
  {
    rule: 'R2',
    title: 'each status shows, and the list filters by it',
    run: async (world, checks) => {
      for (const network of ['direct', 'unreachable'] as const) {
        const client = await world.client({ network });
        const [on, off]: readonly Status[] =
          network === 'direct' ? ['Online', 'Offline'] : ['Unreachable/Online', 'Unreachable/Offline'];
        const listed = async (status: Status | undefined) => {
          const query = new URLSearchParams({ status: status ?? '', q: client.id });
          const { items } = await world.admin.get<{ items: { id: string; status: string }[] }>(
            `/v1/clients?${query.toString()}`,
          );
          return items.filter(({ id }) => id === client.id).map((item) => item.status);
        };
        checks.match(`a ${network} client`, await client.view(), { status: on });
        checks.equal(`the list of ${on}`, await listed(on), [on]);
        await client.send('stop');
        checks.match(`a stopped ${network} client`, await client.view(), { status: off });
        checks.equal(`the list of ${off}`, await listed(off), [off]);
        checks.equal(`the list of ${on} once it is offline`, await listed(on), []);
      }
    },
  },
];
