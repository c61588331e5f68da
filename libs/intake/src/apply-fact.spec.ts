import { describe, expect, test } from '@jest/globals';
import type { JsonObject, SettledItem } from '#contracts';
import { inactiveRemovals } from '#domain';
import { direct, lane, second, settledSettings, start, unreachable } from '../../../test/helpers/lane.js';

const off = { heartbeat: { enabled: false }, poll: { enabled: false } };
const iso = (after: number) => new Date(start + after).toISOString();

/** A lane with clients in groups, and what its levels are set to. */
const grouped = () => {
  const one = lane();
  const { presence, given } = one;
  const register = (id: string, group: string, ips: readonly string[] = unreachable) =>
    given(
      'client-registered',
      { ordinal: presence.members.count, name: null, group, labels: {}, ips, agentVersion: null, installed: {} },
      id,
    );
  const ordinal = (id: string) => presence.members.ordinalOf(id) ?? -1;
  const setGroup = (path: string, reachback: JsonObject) =>
    given('settings-changed', { level: { scope: 'group', path }, patch: { reachback }, values: { reachback } });
  const setClient = (id: string, reachback: JsonObject) =>
    given('settings-changed', { level: { scope: 'client', id }, patch: { reachback }, values: { reachback } });
  const limitOf = (id: string) => presence.members.data.limit[ordinal(id)];
  const settle = (id: string, ...items: readonly Partial<SettledItem>[]) =>
    given('work-settled', { items: items.map((item) => ({ ...settledSettings, revision: '1', ...item })) }, id);
  return { ...one, members: presence.members, register, ordinal, setGroup, setClient, limitOf, settle };
};

describe('a registration', () => {
  test('R7: brings the same id back, with nothing of what was known of it but its place', () => {
    const { given, register, contact, members, transitions } = grouped();
    register('a', '');
    register('b', 'paris');
    contact('a', 'register');
    members.data.clockSkew[0] = 3;
    members.reportRevision(0, 42);
    given('client-removed', { cause: 'uninstalled', by: 'administrator' }, 'a');
    expect(members.isRegistered(0)).toBe(false);
    const again = {
      ordinal: 0,
      name: null,
      group: 'paris',
      labels: {},
      ips: direct,
      agentVersion: null,
      installed: {},
    };
    given('client-registered', again, 'a');
    expect(members.count).toBe(2);
    expect(members.isRegistered(0)).toBe(true);
    expect(members.hasStatus(0)).toBe(false);
    expect([members.groupOf(0), members.networkOf(0), members.networkNameOf(0)]).toEqual(['paris', 'direct', null]);
    expect(members.data.clockSkew[0]).toBeNaN();
    expect(members.data.reportedRevision[0]).toBe(0);
    contact('a', 'register');
    expect(transitions().at(-1)).toBe('a Online registered +0');
  });

  test('R20: gives it the policy of its levels, and that alone', () => {
    const { register, setGroup, setClient, limitOf } = grouped();
    setGroup('paris', { offlineAfter: 'PT20S' });
    setClient('b', { offlineAfter: 'PT30S' });
    for (const id of ['a', 'b']) register(id, 'paris');
    register('c', '');
    expect(['a', 'b', 'c'].map(limitOf)).toEqual([20_000, 30_000, 3_000]);
  });

  test('R1: puts it into the network of its addresses, and knows them from then on', () => {
    const { presence, register, members, emitted } = grouped();
    register('a', '');
    expect([members.networkOf(0), members.networkNameOf(0)]).toEqual(['unreachable', 'nat']);
    expect(presence.receiveAddresses(0, unreachable, start, (fact) => emitted.push(fact))).toBe(false);
  });

  test('R1: addresses that another part of the server took in are known too', () => {
    const { presence, register, given, emitted } = grouped();
    register('a', '');
    given('client-addresses-changed', { ips: direct }, 'a');
    expect(presence.receiveAddresses(0, direct, start, (fact) => emitted.push(fact))).toBe(false);
    expect(presence.receiveAddresses(0, unreachable, start, (fact) => emitted.push(fact))).toBe(true);
  });

  test.each([
    ['42', 42],
    [null, 0],
  ])('G6: an installation anew leaves the settings revision %p', (settingsRevision, revision) => {
    const { register, given, members } = grouped();
    register('a', '');
    members.reportRevision(0, 41);
    given('client-reinstalled', { agentVersion: null, installed: {}, settingsRevision }, 'a');
    expect(members.data.reportedRevision[0]).toBe(revision);
  });

  test('facts about a client that the lane does not know are passed over', () => {
    const { given, settle, setClient, emitted } = grouped();
    given('client-edited', { group: 'paris' }, 'stranger');
    given('client-removed', { cause: 'uninstalled', by: 'administrator' }, 'stranger');
    given('client-addresses-changed', { ips: direct }, 'stranger');
    given('client-edited', { group: 'paris' }, null);
    settle('stranger', {});
    setClient('stranger', off);
    expect(emitted.filter(({ type }) => type === 'client-status-changed')).toHaveLength(0);
  });
});

describe('a removal', () => {
  test('R7: by an administrator is a transition; those that presence concluded have theirs in the log', () => {
    const { given, register, contact, members, transitions } = grouped();
    for (const id of ['a', 'b', 'c']) {
      register(id, '');
      contact(id, 'register');
    }
    given('client-removed', { cause: 'uninstalled', by: 'agent' }, 'a');
    given('client-removed', { cause: 'inactive', by: 'server' }, 'b');
    given('client-removed', { cause: 'uninstalled', by: 'administrator' }, 'c');
    expect([0, 1, 2].map((ordinal) => members.isRegistered(ordinal))).toEqual([false, false, false]);
    expect(transitions().slice(3)).toEqual(['c Unreachable/Offline uninstalled +0']);
  });
});

describe('a transition that is in the log', () => {
  const status = { at: iso(0), status: 'Online', cause: 'poll', network: 'direct', networkName: null } as const;

  test.each([
    ['Online', true],
    ['Offline', false],
    ['Unreachable/Online', true],
    ['Unreachable/Offline', false],
  ] as const)('R2: %s is restored by a replay, with its time', (text, isOnline) => {
    const { given, register, members, transitions } = grouped();
    register('a', '');
    const network = text.startsWith('Unreachable') ? 'unreachable' : 'direct';
    given('client-status-changed', { ...status, at: iso(7), status: text, network, networkName: 'x' }, 'a');
    expect([members.isOnline(0), members.hasStatus(0)]).toEqual([isOnline, true]);
    expect([members.networkOf(0), members.networkNameOf(0), members.data.since[0]]).toEqual([network, 'x', start + 7]);
    expect(transitions()).toHaveLength(0);
  });

  test('R1: only a change of the network starts a limit', () => {
    const { given, register, members } = grouped();
    register('a', '', direct);
    given('client-status-changed', { ...status, network: 'unreachable', at: iso(5) }, 'a');
    expect(members.data.silenceFrom[0]).toBe(0);
    given('client-status-changed', { ...status, at: iso(6) }, 'a');
    given('client-status-changed', { ...status, network: 'unreachable', cause: 'network-changed', at: iso(7) }, 'a');
    expect(members.data.silenceFrom[0]).toBe(start + 7);
    given('client-status-changed', { ...status, network: 'unreachable', cause: 'network-changed', at: iso(9) }, 'a');
    expect(members.data.silenceFrom[0]).toBe(start + 7);
  });

  test('R8: removals count for the cap across a restart, the last 1,000 of them', () => {
    const { presence, given, register } = grouped();
    register('a', '');
    given('client-status-changed', { ...status, at: iso(1), cause: 'silence', status: 'Offline' }, 'a');
    expect(presence.removals).toHaveLength(0);
    for (let i = 0; i <= inactiveRemovals.limit; i++) {
      given('client-status-changed', { ...status, at: iso(i), cause: 'inactive', status: 'Offline' }, 'a');
    }
    expect([presence.removals.length, presence.removals[0]]).toEqual([inactiveRemovals.limit, start + 1]);
  });
});

describe('R20: a policy that is set', () => {
  const wide = { offlineAfter: 'PT20S' };

  test('concerns a group and all below it', () => {
    const { register, setGroup, limitOf, members } = grouped();
    register('a', 'paris');
    register('b', 'paris/desktops');
    register('c', 'parish');
    register('d', '');
    setGroup('paris', wide);
    expect(['a', 'b', 'c', 'd'].map(limitOf)).toEqual([20_000, 20_000, 3_000, 3_000]);
    // G3: nor does anybody else wait for an acknowledgement of it.
    const revisions = [...members.data.policyRevision.subarray(0, 4)];
    expect(revisions.map((revision) => revision > 0)).toEqual([true, true, false, false]);
  });

  test('concerns one client, or everybody', () => {
    const { register, setClient, levelSettings, limitOf } = grouped();
    register('a', 'paris');
    register('b', '');
    setClient('a', wide);
    expect(['a', 'b'].map(limitOf)).toEqual([20_000, 3_000]);
    levelSettings({ heartbeat: { interval: 'PT1S' }, offlineAfter: 'PT15M' });
    expect(['a', 'b'].map(limitOf)).toEqual([20_000, 900_000]);
  });

  test('nothing is concerned by settings of other keys', () => {
    const { register, given, members } = grouped();
    register('a', '');
    given('settings-changed', { level: { scope: 'fleet' }, patch: { scan: 1 }, values: { reachback: off, scan: 1 } });
    expect(members.grantOf(0)).toEqual({ heartbeat: true, poll: true });
    expect(members.data.policyRevision[0]).toBe(0);
  });

  test('R7: puts those offline whom it withdraws both, and nobody else', () => {
    const { register, contact, setGroup, setClient, transitions } = grouped();
    for (const [id, group, ips] of [
      ['a', 'paris', unreachable],
      ['b', 'paris', direct],
      ['c', '', unreachable],
      ['d', '', unreachable],
    ] as const) {
      register(id, group, ips);
      contact(id, 'register');
    }
    setGroup('paris', off);
    setClient('d', off);
    expect(transitions().slice(4)).toEqual([
      'a Unreachable/Offline policy-changed +0',
      'd Unreachable/Offline policy-changed +0',
    ]);
  });

  test('R1: gives whoever is expected to speak from then on the whole limit', () => {
    const { register, contact, pass, levelSettings, transitions } = grouped();
    register('d', '', direct);
    contact('d', 'register');
    pass(60 * second);
    levelSettings({ heartbeat: { interval: 'PT1S', scope: 'all' }, offlineAfter: 'PT3S' });
    pass(5 * second);
    expect(transitions().slice(1)).toEqual(['d Offline silence +63']);
  });

  test('another group is another policy; another name is not', () => {
    const { register, given, setGroup, members, limitOf } = grouped();
    setGroup('paris', wide);
    register('a', '');
    given('client-edited', { name: 'A' }, 'a');
    expect([members.groupOf(0), limitOf('a'), members.data.policyRevision[0]]).toEqual(['', 3_000, 0]);
    given('client-edited', { group: 'paris' }, 'a');
    expect([members.groupOf(0), limitOf('a')]).toEqual(['paris', 20_000]);
  });
});

describe('R20: a group that is removed', () => {
  test('leaves its clients, and those below it, to another one', () => {
    const { register, given, setGroup, members, ordinal, limitOf } = grouped();
    setGroup('lyon', { offlineAfter: 'PT20S' });
    setGroup('paris', { offlineAfter: 'PT10S' });
    register('a', 'paris');
    register('b', 'paris/desktops');
    register('c', 'parish');
    given('group-removed', { path: 'paris', moveClientsTo: 'lyon' });
    expect(['a', 'b', 'c'].map((id) => members.groupOf(ordinal(id)))).toEqual(['lyon', 'lyon', 'parish']);
    expect(['a', 'b', 'c'].map(limitOf)).toEqual([20_000, 20_000, 3_000]);
    register('d', 'paris');
    expect(limitOf('d')).toBe(3_000);
  });

  test('leaves them to the root where no other is named', () => {
    const { register, given, members } = grouped();
    register('a', 'paris');
    given('group-removed', { path: 'paris', moveClientsTo: null });
    expect(members.groupOf(0)).toBe('');
  });

  test('R7: puts those offline who are granted nothing then', () => {
    const { register, contact, given, setGroup, transitions } = grouped();
    setGroup('lyon', off);
    register('a', 'paris');
    contact('a', 'register');
    given('group-removed', { path: 'paris', moveClientsTo: 'lyon' });
    expect(transitions().slice(1)).toEqual(['a Unreachable/Offline policy-changed +0']);
  });
});

describe('G3: work that is settled', () => {
  const tightened = () => {
    const one = grouped();
    one.register('a', '');
    one.contact('a', 'register');
    one.levelSettings({ heartbeat: { interval: 'PT1S' }, offlineAfter: 'PT2S' });
    const set = String(one.members.data.policyRevision[0]);
    return { ...one, set, before: String(Number(set) - 1) };
  };

  test('tightens the limit once the client applied the settings that did, or later ones', () => {
    const { settle, set, before, limitOf } = tightened();
    expect(limitOf('a')).toBe(3_000);
    settle('a', { revision: before });
    expect(limitOf('a')).toBe(3_000);
    settle('a', { revision: set });
    expect(limitOf('a')).toBe(2_000);
  });

  test('tightens nothing where the client failed to, or confirmed an update only', () => {
    const { settle, set, limitOf, members } = tightened();
    settle('a', { revision: set, outcome: 'failed' });
    expect(limitOf('a')).toBe(3_000);
    // Whatever the next beat says is then looked into.
    expect(members.data.reportedRevision[0]).toBeNaN();
    members.reportRevision(0, 7);
    settle('a', { kind: 'update', key: 'scan-engine', revision: set });
    expect([limitOf('a'), members.data.reportedRevision[0]]).toEqual([3_000, 7]);
  });

  test('of several revisions the newest that was applied counts', () => {
    const { settle, set, before, limitOf, members } = tightened();
    const failed = String(Number(set) + 1);
    settle('a', { revision: set }, { revision: before }, { revision: failed, outcome: 'failed' });
    expect([limitOf('a'), members.data.reportedRevision[0]]).toEqual([2_000, Number(set)]);
  });
});

describe('what concerns everybody', () => {
  test('facts that say nothing about presence are passed over', () => {
    const { given, register, emitted } = grouped();
    register('a', '');
    given('release-paused', { id: 'r' });
    given('update-started', { trigger: 'manual' }, 'a');
    expect(emitted).toHaveLength(0);
  });

  test('R1: networks that change have every client classified anew, as of the change', () => {
    const { presence, given, register, jump } = grouped();
    jump(5);
    given('networks-changed', { networks: [{ name: 'lab', ranges: ['203.0.113.0/24'] }] });
    expect(presence.networks.map(({ name }) => name)).toEqual(['lab']);
    expect(presence.reclassification).toMatchObject({ since: start + 5, next: 0 });
    register('a', '', direct);
    expect(presence.members.networkNameOf(0)).toBe('lab');
  });

  test.each(['broker', 'server'] as const)(
    'G1: an outage of the %s that is in the log is known after a replay',
    (away) => {
      const { presence, given } = grouped();
      given('lane-gap-observed', { from: iso(0), to: iso(10_000), away });
      expect(presence.outages[away].list).toEqual([{ from: start, to: start + 10_000 }]);
      expect(presence.outages[away === 'broker' ? 'server' : 'broker'].list).toHaveLength(0);
    },
  );
});
