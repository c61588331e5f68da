import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { until } from '../../../test/helpers/conditions.js';
import { named, Notifying } from '../../../test/helpers/notifying.js';

let fleet: Notifying;
beforeEach(async () => {
  fleet = await Notifying.start();
});
afterEach(() => fleet.stop());

/** When a release admits each client. */
const turnsOf = async (release: string): Promise<ReadonlyMap<string, number>> => {
  const rows = await fleet.db<{ id: string; at: Date }[]>`
    SELECT client_id AS id, admitted_at AS at FROM release_standing WHERE release = ${release}`;
  return new Map(rows.map(({ id, at }) => [id, at.getTime()]));
};

/** All were told once, none before its turn, and none long after it. */
const expectInTurn = (turns: ReadonlyMap<string, number>, heard = fleet.heard): void => {
  const lateness = heard.map(({ id, at }) => at - (turns.get(id) ?? Infinity));
  expect(heard.map(({ id }) => id).sort()).toEqual([...turns.keys()].sort());
  expect(Math.min(...lateness)).toBeGreaterThanOrEqual(-1);
  expect(Math.max(...lateness)).toBeLessThan(1_500);
};

test('R18 a rollout tells each client at its turn, and once, though it does not fetch', async () => {
  const ids = named('pc', 60);
  await fleet.register(ids);
  await fleet.register(named('nat', 5), 'unreachable');
  await fleet.startNotifier();
  await fleet.startNotifier();
  const everybody = await fleet.publish({ all: true }, 'PT4S');
  const turns = await turnsOf(everybody);
  await fleet.untilQuiet();
  expectInTurn(new Map([...turns].filter(([id]) => ids.includes(id))));
});

test('R18 a rollout to clients by name tells those not admitted yet at their turn too', async () => {
  await fleet.register(named('pc', 10));
  await fleet.startNotifier();
  await fleet.startNotifier();
  const release = await fleet.publish({ clients: ['pc-00002', 'pc-00003', 'pc-00007'] }, 'PT2S');
  const turns = await turnsOf(release);
  expect(turns.size).toBe(3);
  await fleet.untilQuiet();
  expectInTurn(turns);
});

test('R18 a rollout goes on where it was when the server was killed', async () => {
  const ids = named('pc', 60);
  await fleet.register(ids);
  const kill = await fleet.startNotifier();
  const turns = await turnsOf(await fleet.publish({ all: true }, 'PT6S'));
  const untilRest = async () => {
    const [row] = await fleet.db<{ cursor: string }[]>`
      SELECT cursor FROM notification_round WHERE leased_until = '-infinity' AND cursor <> ''`;
    return row?.cursor === fleet.heard.at(-1)?.id;
  };
  await until(() => fleet.heard.length > 5);
  await until(untilRest, Boolean, { pause: 1 });
  await kill();
  const told = new Set(fleet.heard.map(({ id }) => id));
  await fleet.startNotifier();
  await fleet.untilQuiet();
  expect(new Set(fleet.heard.map(({ id }) => id))).toEqual(new Set(turns.keys()));
  expect(fleet.heard.every(({ id, at }) => at >= (turns.get(id) ?? Infinity) - 1)).toBe(true);
  for (const id of ids.filter((one) => !told.has(one))) expect(fleet.countOf(id)).toBe(1);
});

test('R18 while a release is paused nobody is told; then those admitted at once, the others at their later turn', async () => {
  await fleet.register(named('pc', 40));
  await fleet.startNotifier();
  const release = await fleet.publish({ all: true }, 'PT5S');
  await until(() => fleet.heard.length > 5);
  await fleet.pause(release);
  const first = await turnsOf(release);
  const pausedAt = Date.now();
  const fetched = fleet.heard[0]?.id ?? '';
  await fleet.confirm(fetched, 'update');
  // Until somebody else would have been admitted, and told.
  const next = [...first.values()].filter((at) => at > pausedAt + 1_200).sort((a, b) => a - b)[0] ?? 0;
  await until(() => Date.now() > next + 500);
  expect(fleet.heard.filter(({ at }) => at > pausedAt + 1_000)).toEqual([]);
  fleet.takeHeard();

  const resumedAt = Date.now();
  await fleet.resume(release);
  const turns = new Map([...(await turnsOf(release))].filter(([id]) => id !== fetched));
  expect(Math.min(...[...first].map(([id, at]) => (turns.get(id) ?? Infinity) - at))).toBeGreaterThan(900);
  await fleet.untilQuiet();
  expectInTurn(new Map([...turns].map(([id, at]) => [id, Math.max(at, resumedAt)])));
});

test('R18 a release for everybody at once that was paused before it was told is told when it goes on', async () => {
  await fleet.register(['pc-1', 'pc-2']);
  const release = await fleet.publish({ all: true });
  const byName = await fleet.publish({ clients: ['pc-2'] });
  await fleet.pause(release);
  await fleet.pause(byName);
  await fleet.startNotifier();
  await fleet.untilQuiet();
  expect(fleet.takeHeard()).toEqual([]);
  await fleet.resume(release);
  await fleet.untilQuiet();
  // The one by name is newer, and is what pc-2 waits for.
  expect(fleet.takeHeard()).toEqual(['pc-1 update']);
  await fleet.resume(byName);
  await fleet.untilQuiet();
  expect(fleet.takeHeard()).toEqual(['pc-2 update']);
});

test('R18 a withdrawal tells those for whom an older release is wanted again, and nobody else', async () => {
  await fleet.register(['paris-1', 'paris-2', 'paris-3'], 'direct', 'paris');
  await fleet.register(['oslo-1'], 'direct', 'oslo');
  await fleet.register(['paris-nat'], 'unreachable', 'paris');
  await fleet.startNotifier();
  await fleet.publish({ all: true });
  await fleet.confirm('paris-2', 'update');
  const newer = await fleet.publish({ groups: ['paris'] });
  await fleet.confirm('paris-3', 'update');
  await fleet.untilQuiet();
  fleet.takeHeard();
  await fleet.withdraw(newer);
  await fleet.untilQuiet();
  // paris-2 has the older one, paris-3 keeps the withdrawn one, and oslo-1 was told of the older one when it came out.
  expect(fleet.takeHeard()).toEqual(['paris-1 update']);
});

test('R18 a withdrawal that brings back a rollout tells the admitted at once, the others at their turn', async () => {
  await fleet.register(named('pc', 30));
  await fleet.startNotifier();
  const older = await fleet.publish({ all: true }, 'PT5S');
  const newer = await fleet.publish({ all: true });
  await until(() => fleet.heard.length >= 30);
  await until(async () => (await fleet.db`SELECT FROM notification_round WHERE release = ${newer}`).length === 0);
  const turns = await turnsOf(older);
  const sorted = [...turns.values()].sort((a, b) => a - b);
  await until(() => Date.now() > (sorted[15] ?? 0));
  fleet.takeHeard();
  const withdrawnAt = Date.now();
  await fleet.withdraw(newer);
  await fleet.untilQuiet();
  // Whom the older one admitted just before may be told twice.
  const sure = new Map([...turns].filter(([, at]) => at < withdrawnAt - 1_000 || at > withdrawnAt));
  const expected = new Map([...sure].map(([id, at]) => [id, Math.max(at, withdrawnAt)]));
  expect([...turns.keys()].filter((id) => fleet.countOf(id) === 0)).toEqual([]);
  expectInTurn(
    expected,
    fleet.heard.filter(({ id }) => sure.has(id)),
  );
});

test('R18 clients that were moved because their group was removed are told; those who were there before are not', async () => {
  await fleet.register(['paris-1'], 'direct', 'paris');
  await fleet.register(['desk-1'], 'direct', 'paris/desktops');
  await fleet.register(['oslo-1'], 'direct', 'oslo');
  await fleet.register(['paris-nat'], 'unreachable', 'paris');
  await fleet.startNotifier();
  await fleet.change({ scope: 'group', path: 'oslo' });
  await fleet.untilQuiet();
  fleet.takeHeard();
  await fleet.removeGroup('paris', 'oslo');
  await fleet.untilQuiet();
  expect(fleet.takeHeard()).toEqual(['desk-1 settings', 'paris-1 settings']);
});
