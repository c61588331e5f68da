import type { ScriptCase, TableCase } from '../case.js';
import { until } from '../until.js';

const withdraw = (heartbeat: boolean, poll: boolean) => ({
  set: { reachback: { heartbeat: { enabled: heartbeat }, poll: { enabled: poll } } },
});

export const goodbyeCases: readonly (TableCase | ScriptCase)[] = [
  {
    rule: 'R7',
    title: 'stop of an unreachable client',
    given: { network: 'unreachable', policy: 'patient' },
    when: [{ send: 'stop', payload: { reason: 'service stopped' } }],
    then: { story: ['Unreachable/Offline stopped'] },
  },
  {
    rule: 'R7',
    title: 'stop of a direct client, sent twice',
    given: { network: 'direct', policy: 'patient' },
    when: [{ send: 'stop' }, { send: 'stop' }],
    then: { story: ['Offline stopped'] },
  },
  {
    rule: 'R7',
    title: 'withdrawing heartbeat and polling from an online unreachable client',
    given: { network: 'unreachable', policy: 'patient' },
    when: [withdraw(false, false), { until: 'Unreachable/Offline' }],
    then: { story: ['Unreachable/Offline policy-changed'] },
  },
  {
    rule: 'R7',
    title: 'withdrawing one of them, or both from a direct client, changes no status',
    run: async (world, checks) => {
      const clients = await Promise.all([world.client(), world.client(), world.client({ network: 'direct' })]);
      const [beats, polls, direct] = clients;
      await beats?.set(withdraw(true, false).set);
      await polls?.set(withdraw(false, true).set);
      await direct?.set(withdraw(false, false).set);
      // A contact that is shown comes after the changes, in the order of the log.
      for (const client of clients) await client.send('logs');
      for (const client of clients) checks.equal('its transitions', (await client.story()).length, 1);
    },
  },
  {
    rule: 'R7',
    title: 'uninstall takes a client off the list, its history stays, register brings it back',
    run: async (world, checks) => {
      const client = await world.client({ policy: 'patient' });
      await client.send('uninstall');
      checks.equal('its history', await client.story(), [
        'Unreachable/Online registered',
        'Unreachable/Offline uninstalled',
      ]);
      const { total } = await world.admin.get<{ total: number }>(`/v1/clients?q=${client.id}`);
      checks.equal('its number on the list', total, 0);
      await client.register();
      checks.match('the client', await client.view(), {
        id: client.id,
        status: 'Unreachable/Online',
        cause: 'registered',
      });
      checks.equal('its history once it is back', (await client.story()).length, 3);
    },
  },
  {
    rule: 'R7',
    title: 'a client that was uninstalled is refused until it registers',
    run: async (world, checks) => {
      const client = await world.client({ policy: 'patient' });
      await client.send('uninstall');
      for (const kind of ['poll', 'start', 'reload'] as const) {
        checks.match(`its ${kind}`, await client.ask(kind), { error: { code: 'not_registered' } });
      }
      checks.equal('its place on the list', await client.isListed(), false);
    },
  },
  {
    rule: 'R8',
    title: 'a client offline for as long as was said is removed; one that is online is not',
    run: async (world, checks) => {
      const [gone, here] = await Promise.all([
        world.client({ policy: 'fleeting' }),
        world.client({ policy: 'fleeting' }),
      ]);
      const keeper = await world.client({ policy: 'patient' });
      await Promise.all([gone.send('stop'), keeper.send('stop')]);
      const { since } = await gone.view();
      await until('the inactive client is removed', gone.isListed, (isListed) => !isListed, { seconds: 20 });
      const last = (await gone.history()).at(-1);
      checks.match('the last transition', last, { status: 'Unreachable/Offline', cause: 'inactive' });
      const waited = Date.parse(last?.at ?? '') - Date.parse(since);
      checks.ok('time offline before', waited >= 2_000, '2 s or more', { milliseconds: waited });
      checks.equal('the online client', await here.isListed(), true);
      checks.equal('the offline client that nobody wants removed', await keeper.isListed(), true);
    },
  },
];
