import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { until } from '../../../test/helpers/conditions.js';
import { named, Notifying } from '../../../test/helpers/notifying.js';
import { retries } from './rules.js';

const meta = { actor: 'system' };

let fleet: Notifying;
beforeEach(async () => {
  fleet = await Notifying.start();
});
afterEach(() => fleet.stop());

test('R18 whom a change concerns is told once, whom it does not concern nothing', async () => {
  await fleet.register(['paris-1', 'paris-2'], 'direct', 'paris');
  await fleet.register(['oslo-1'], 'direct', 'oslo');
  await fleet.startNotifier(30_000, 30_000);
  await fleet.change({ scope: 'group', path: 'paris' });
  await fleet.untilQuiet();
  expect(fleet.takeHeard()).toEqual(['paris-1 settings', 'paris-2 settings']);
  await fleet.publish({ groups: ['oslo'] });
  await fleet.untilQuiet();
  await fleet.publish({ clients: ['paris-2'] });
  await fleet.untilQuiet();
  await fleet.change({ scope: 'client', id: 'paris-1' });
  await fleet.untilQuiet();
  await fleet.edit('oslo-1', { group: 'paris' });
  await fleet.untilQuiet();
  await fleet.edit('oslo-1', { name: 'The one from Oslo' });
  await fleet.untilQuiet();
  expect(fleet.heard.map(({ id, reason }) => `${id} ${reason}`)).toEqual([
    'oslo-1 update',
    'paris-2 update',
    'paris-1 settings',
    'oslo-1 settings',
  ]);
});

test('R17 unreachable clients, and those of no class yet, get nothing, not even while presence has yet to learn', async () => {
  await fleet.register(['direct']);
  await fleet.register(named('nat', 20), 'unreachable');
  await fleet.register(['moved']);
  const unseen = { name: null, group: '', labels: {}, ips: [], agentVersion: null, installed: {}, ordinal: 1_000 };
  await fleet.append({ type: 'client-registered', client: 'unseen', meta, data: unseen });
  await fleet.append(
    { type: 'client-status-changed', client: 'direct', meta, data: directNow() },
    { type: 'client-addresses-changed', client: 'moved', meta, data: { ips: ['10.0.0.1'] } },
    { type: 'networks-changed', client: null, meta, data: { networks: [{ name: 'nat', ranges: ['10.0.0.0/8'] }] } },
  );
  await fleet.startNotifier();
  await fleet.change();
  await fleet.publish({ all: true });
  await fleet.change({ scope: 'client', id: 'nat-00003' });
  await fleet.change({ scope: 'client', id: 'moved' });
  await fleet.untilQuiet();
  expect(fleet.takeHeard()).toEqual(['direct settings', 'direct update']);
});
const directNow = () => ({
  at: new Date().toISOString(),
  status: 'Online' as const,
  cause: 'started' as const,
  network: 'direct' as const,
  networkName: null,
});

test('R18 nobody answers: told again five times, then no more; who answers in between is left alone', async () => {
  await fleet.register(['gone', 'late', 'busy']);
  fleet.silent = new Set(['gone', 'late', 'busy']);
  await fleet.startNotifier();
  await fleet.change();
  await until(() => fleet.countOf('late') === 2);
  fleet.silent = new Set(['gone', 'busy']);
  await until(() => fleet.countOf('busy') === 2);
  await fleet.confirm('busy');
  await until(() => fleet.countOf('gone') === 1 + retries, Boolean, { seconds: 40 });
  await fleet.untilQuiet();
  expect(fleet.countOf('gone')).toBe(1 + retries);
  expect(fleet.countOf('late')).toBe(3);
  // The change of status may have crossed with one question under way.
  expect(fleet.countOf('busy')).toBeLessThanOrEqual(3);
});

test('R18 a client that does not answer delays neither the others nor a later change', async () => {
  const ids = named('pc', 2_500);
  await fleet.register(ids);
  fleet.silent = new Set(ids.filter((_, i) => i % 250 === 0));
  await fleet.startNotifier(40_000);
  await fleet.change();
  await until(() => fleet.heard.length === ids.length, Boolean, { seconds: 30 });
  await fleet.publish({ all: true });
  await until(() => fleet.heard.length === 2 * ids.length, Boolean, { seconds: 30 });
  const [row] = await fleet.db<{ count: number }[]>`SELECT count(*)::integer AS count FROM notification_due`;
  expect(row?.count).toBe(0);
});

test('R18 a change that was being told when the server was killed is told on by the next; nobody is forgotten', async () => {
  const ids = named('pc', 2_500);
  await fleet.register(ids);
  fleet.silent = new Set(ids.filter((_, i) => i % 250 === 0));
  const kill = await fleet.startNotifier(1_000);
  await fleet.change();
  await until(() => fleet.heard.length > 1_200, Boolean, { pause: 2 });
  await kill();
  await fleet.startNotifier(1_000);
  await until(() => ids.every((id) => fleet.countOf(id) > 0));
  for (const id of fleet.silent) await until(() => fleet.countOf(id) >= 2);
  for (const id of ids.filter((one) => !fleet.silent.has(one))) expect(fleet.countOf(id)).toBeLessThanOrEqual(2);
});

test('R18 who was to be told again when the server was killed is told by the next', async () => {
  await fleet.register(['pc-1']);
  fleet.silent = new Set(['pc-1']);
  const kill = await fleet.startNotifier(1_000);
  await fleet.change();
  await until(() => fleet.countOf('pc-1') === 2);
  await kill();
  fleet.silent = new Set();
  await fleet.startNotifier();
  await until(() => fleet.countOf('pc-1') === 3);
  await fleet.untilQuiet();
  expect(fleet.countOf('pc-1')).toBe(3);
});

test('R18 two servers share the work: nobody is told twice', async () => {
  const ids = named('pc', 1_500);
  await fleet.register(ids);
  // Who takes longer to answer is asked again, and a server that takes longer to ask is relieved, as it should be.
  const patience = 30_000;
  await Promise.all([1, 2, 3].map(() => fleet.startNotifier(patience, patience)));
  await fleet.change();
  await fleet.publish({ clients: ids.slice(0, 700) });
  await fleet.untilQuiet();
  const counts = new Map<string, number>();
  for (const { id, reason } of fleet.heard) counts.set(`${id} ${reason}`, (counts.get(`${id} ${reason}`) ?? 0) + 1);
  expect(counts.size).toBe(1_500 + 700);
  expect(Math.max(...counts.values())).toBe(1);
});

test('R18 while the broker is away nobody counts as silent', async () => {
  await fleet.register(['pc-1']);
  await fleet.startNotifier();
  await fleet.broker.kill();
  await fleet.change();
  await until(async () => (await fleet.db`SELECT FROM notification_round`).length === 1);
  await fleet.broker.start();
  await until(() => fleet.countOf('pc-1') > 0);
  await fleet.untilQuiet();
  expect(fleet.countOf('pc-1')).toBe(1);
});
