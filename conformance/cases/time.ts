import type { ScriptCase } from '../case.js';
import type { Fleet, Status } from '../shapes.js';

const day = 86_400;

type StatusAt = { readonly status: Status; readonly cause: string; readonly since: string };

export const timeCases: readonly ScriptCase[] = [
  {
    rule: 'G2',
    title: 'a client’s history has every transition with time and cause; asOf answers for any time',
    run: async (world, checks) => {
      const client = await world.client();
      for (const kind of ['stop', 'heartbeat', 'stop', 'start'] as const) await client.send(kind);
      const history = await client.history();
      checks.equal(
        'the causes',
        history.map(({ cause }) => cause),
        ['registered', 'stopped', 'heartbeat', 'stopped', 'started'],
      );
      const positions = history.map(({ position }) => BigInt(position));
      checks.ok(
        'positions',
        positions.every((p, i) => i === 0 || p > (positions[i - 1] ?? p)),
        'rising',
        history,
      );
      for (const [index, { at, status, cause }] of history.entries()) {
        const next = history[index + 1];
        const between = next ? (Date.parse(at) + Date.parse(next.at)) / 2 : Date.parse(at) + 1;
        const asOf = new Date(Math.floor(between)).toISOString();
        const then = await world.admin.get<StatusAt>(`/v1/clients/${client.id}?asOf=${asOf}`);
        checks.match(`its status at ${asOf}`, then, { status, cause, since: at });
      }
      const before = new Date(Date.parse(history[0]?.at ?? '') - 60_000).toISOString();
      const early = await world.admin.send('GET', `/v1/clients/${client.id}?asOf=${before}`);
      checks.equal('its status before it was there', early.status, 404);
    },
  },
  {
    rule: 'G2',
    title: 'asOf answers for the fleet',
    alone: true,
    run: async (world, checks) => {
      const clients = await Promise.all(Array.from({ length: 5 }, () => world.client()));
      // Others may come and go on a server in use: one attempt of ours must be seen alone.
      for (let attempt = 1; ; attempt++) {
        for (const client of clients) await client.send('heartbeat');
        const before = (await clients[0]?.view())?.lastContactAt ?? '';
        for (const client of clients) await client.send('stop');
        const last = await clients[4]?.view();
        const [then, now] = [await fleetAt(before), await fleetAt(last?.since ?? '')];
        const moved = {
          total: now.total - then.total,
          offline: now.byStatus['Unreachable/Offline'] - then.byStatus['Unreachable/Offline'],
          online: now.byStatus['Unreachable/Online'] - then.byStatus['Unreachable/Online'],
        };
        const isSeen = moved.total === 0 && moved.offline === 5 && moved.online === -5;
        if (!isSeen && attempt < 5) continue;
        checks.equal('five clients that stopped between two times', moved, { total: 0, offline: 5, online: -5 });
        const sum = Object.values(now.byStatus).reduce((all, count) => all + count, 0);
        checks.equal('the sum by status', sum, now.total);
        checks.equal('the same time asked again', (await fleetAt(before)).byStatus, then.byStatus);
        return;
      }
      function fleetAt(asOf: string) {
        return world.admin.get<Fleet>(`/v1/fleet?asOf=${asOf}`);
      }
    },
  },
  {
    rule: 'G3',
    title: 'a wider limit holds at once',
    run: async (world, checks) => {
      const client = await world.client({ policy: 'patient' });
      await client.set({ reachback: { offlineAfter: 'PT2H' } });
      const { offlineAt, lastContactAt } = await client.untilView(
        'has the wider limit',
        (view) => Date.parse(view.offlineAt ?? '') - Date.parse(view.lastContactAt ?? '') >= 7_200_000,
        { seconds: 10 },
      );
      checks.ok('offlineAt', offlineAt !== null, 'two hours from the last contact', { offlineAt, lastContactAt });
      checks.equal('its transitions', (await client.story()).length, 1);
    },
  },
  {
    rule: 'G3',
    title: 'a tighter limit holds once the client has acknowledged it',
    run: async (world, checks) => {
      const client = await world.client({ policy: 'patient' });
      const limit = async () => {
        const { offlineAt, lastContactAt } = await client.view();
        return (Date.parse(offlineAt ?? '') - Date.parse(lastContactAt ?? '')) / 1000;
      };
      await client.settle();
      await client.set({ reachback: { heartbeat: { interval: 'PT1S' }, offlineAfter: 'PT2S' } });
      await client.send('heartbeat');
      checks.equal('the limit before the client knows, in seconds', await limit(), 3_600);
      const reply = await client.send('poll');
      checks.equal('the limit once it is delivered, in seconds', await limit(), 3_600);
      await client.acknowledge(reply);
      await client.send('heartbeat');
      checks.equal('the limit once it is acknowledged, in seconds', await limit(), 2);
      checks.match('in the end', await client.untilStatus('Unreachable/Offline'), { cause: 'silence' });
    },
  },
  ...[
    { title: 'a day ahead', offset: () => day },
    { title: 'a day behind', offset: () => -day },
    { title: 'that drifts', offset: (beat: number) => beat * 3_600 },
  ].map(({ title, offset }): ScriptCase => ({
    rule: 'G8',
    title: `an agent’s clock ${title} shows as skew and changes nothing`,
    run: async (world, checks) => {
      const client = await world.client({ policy: 'patient' });
      for (const beat of [0, 1, 2, 3]) {
        const time = new Date(Date.now() + offset(beat) * 1000).toISOString();
        await client.send(beat % 2 === 0 ? 'heartbeat' : 'poll', { time });
        const { status, clockSkewSeconds, offlineAt, lastContactAt } = await client.view();
        checks.equal('its status', status, 'Unreachable/Online');
        const off = Math.abs((clockSkewSeconds ?? Number.NaN) - offset(beat));
        checks.ok('clockSkewSeconds', off < 60, `about ${offset(beat)}`, clockSkewSeconds);
        const limit = Date.parse(offlineAt ?? '') - Date.parse(lastContactAt ?? '');
        checks.equal('the limit after the arrival', limit, 3_600_000);
      }
      checks.equal('its transitions', await client.story(), ['Unreachable/Online registered']);
    },
  })),
];
