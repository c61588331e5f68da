import { describe, expect, test } from '@jest/globals';
import { inactiveRemovals, reconnectAllowance } from '#domain';
import { direct, lane, second, settledSettings, start, unreachable } from '../../../test/helpers/lane.js';

describe('presence of a lane', () => {
  test('R5: silence counts from the last contact that counts, and the verdict has the time it was due', () => {
    const { client, contact, pass, transitions } = lane();
    client('a');
    contact('a', 'register');
    pass(2 * second);
    contact('a', 'heartbeat');
    pass(2 * second);
    contact('a', 'logs');
    pass(2 * second);
    expect(transitions()).toEqual(['a Unreachable/Online registered +0', 'a Unreachable/Offline silence +5']);
  });

  test('R5: a client that keeps beating is never offline', () => {
    const { client, contact, pass, transitions } = lane();
    client('a');
    for (let i = 0; i < 200; i++) {
      contact('a', 'heartbeat');
      pass(2_900);
    }
    expect(transitions()).toHaveLength(1);
  });

  test('R5: a direct client that is not asked to beat never goes offline by silence', () => {
    const { client, contact, pass, transitions } = lane();
    client('d', direct);
    contact('d', 'register');
    pass(60 * second);
    expect(transitions()).toEqual(['d Online registered +0']);
  });

  test('R1: another address reclassifies at once; the limit starts with the class', () => {
    const { presence, emitted, client, contact, pass, transitions } = lane();
    client('d', direct);
    contact('d', 'register');
    pass(60 * second);
    presence.receiveAddresses(0, unreachable, start + 60 * second, (fact) => emitted.push(fact));
    pass(4 * second);
    expect(transitions().slice(1)).toEqual([
      'd Unreachable/Online network-changed +60',
      'd Unreachable/Offline silence +63',
    ]);
  });

  test('R6, R16: granted nothing, an unreachable client is offline at once, and its polls change nothing', () => {
    const off = { heartbeat: { enabled: false }, poll: { enabled: false } };
    const { client, contact, pass, transitions } = lane(off);
    client('a');
    contact('a', 'start');
    pass(second);
    contact('a', 'poll');
    contact('a', 'heartbeat');
    expect(transitions()).toEqual(['a Unreachable/Online started +0', 'a Unreachable/Offline no-route +0']);
  });

  test('R7: withdrawing both puts it offline; stop and uninstall do', () => {
    const { client, contact, levelSettings, emitted, transitions } = lane();
    for (const id of ['a', 'b', 'c']) {
      client(id);
      contact(id, 'register');
    }
    contact('a', 'stop');
    contact('b', 'uninstall');
    levelSettings({ heartbeat: { enabled: false }, poll: { enabled: false } });
    expect(transitions().slice(3)).toEqual([
      'a Unreachable/Offline stopped +0',
      'b Unreachable/Offline uninstalled +0',
      'c Unreachable/Offline policy-changed +0',
    ]);
    expect(emitted.filter((fact) => fact.type === 'client-removed').map((fact) => fact.client)).toEqual(['b']);
  });

  test('G1: when nothing could arrive, every deadline moves by the gap and an interval', () => {
    const { client, contact, pass, jump, emitted, transitions } = lane();
    client('a');
    contact('a', 'register');
    pass(second);
    jump(600 * second);
    pass(500);
    expect(transitions()).toHaveLength(1);
    expect(emitted.filter((fact) => fact.type === 'lane-gap-observed').map((fact) => fact.data.away)).toEqual([
      'broker',
      'server',
    ]);
    const due = 3 + 600.5 + 1 + reconnectAllowance / second;
    pass(20 * second);
    expect(transitions()[1]).toBe(`a Unreachable/Offline silence +${due}`);
  });

  test('G1: while no server ticked, who only polls is not blamed, who beats is judged as ever', () => {
    const { presence, client, contact, pass, jump, given, transitions } = lane();
    client('beats');
    given('settings-changed', {
      level: { scope: 'client', id: 'polls' },
      patch: { reachback: {} },
      values: { reachback: { heartbeat: { enabled: false }, poll: { interval: 'PT1S' } } },
    });
    client('polls');
    client('dead');
    for (const id of ['beats', 'polls', 'dead']) contact(id, 'register');
    for (let i = 0; i < 30; i++) {
      jump(second);
      contact('beats', 'heartbeat');
    }
    expect(transitions().slice(3)).toEqual(['dead Unreachable/Offline silence +3']);
    pass(second);
    contact('beats', 'heartbeat');
    contact('polls', 'poll');
    pass(second);
    expect(presence.members.isOnline(presence.members.ordinalOf('polls') ?? -1)).toBe(true);
  });

  test('R5, G1: who falls silent soon after an outage is offline when due, not later by the outage', () => {
    const { client, contact, pass, jump, transitions } = lane();
    client('a');
    contact('a', 'register');
    pass(second);
    jump(600 * second);
    pass(second);
    contact('a', 'heartbeat');
    pass(4 * second);
    expect(transitions()[1]).toBe('a Unreachable/Offline silence +605');
  });

  test('G1: who only polls is judged by ticks: the server may have gone right after the last', () => {
    const { client, contact, pass, jump, transitions } = lane({
      heartbeat: { enabled: false },
      poll: { interval: 'PT1S' },
      offlineAfter: 'PT3S',
    });
    client('polls');
    client('other');
    contact('polls', 'register');
    pass(2_500);
    jump(second);
    contact('other', 'start');
    jump(60 * second);
    pass(second);
    expect(transitions()).toEqual(['polls Unreachable/Online registered +0', 'other Unreachable/Online started +3.5']);
  });

  test('G1, G3: who may not know yet that it is to beat is not blamed for an outage of the server', () => {
    const polls = { heartbeat: { enabled: false }, poll: { interval: 'PT10S' }, offlineAfter: 'PT30S' };
    const { client, contact, pass, jump, levelSettings, transitions } = lane(polls);
    client('a');
    client('other');
    contact('a', 'register');
    levelSettings({ ...polls, heartbeat: { interval: 'PT1S' } });
    for (let i = 0; i < 60; i++) {
      jump(second);
      contact('other', 'heartbeat');
    }
    pass(second);
    expect(transitions().filter((transition) => transition.startsWith('a '))).toHaveLength(1);
    pass(100 * second);
    const due = 30 + 60.5 + 10 + reconnectAllowance / second;
    expect(transitions()).toContain(`a Unreachable/Offline silence +${due}`);
  });

  test('G3: the widest limit holds when a client is expected to speak again', () => {
    const { presence, emitted, client, contact, pass, levelSettings, transitions } = lane({ offlineAfter: 'PT65S' });
    client('a', direct);
    contact('a', 'register');
    levelSettings({ heartbeat: { interval: 'PT1S' }, offlineAfter: 'PT3S' });
    presence.classify(0, unreachable, start, (fact) => emitted.push(fact));
    pass(66 * second);
    expect(transitions().at(-1)).toBe('a Unreachable/Offline silence +65');
  });

  test('G3: a limit that is tightened after longer silence puts the client offline then, not in the past', () => {
    const { client, contact, pass, levelSettings, given, transitions } = lane({ offlineAfter: 'PT65S' });
    client('a');
    contact('a', 'register');
    levelSettings({ heartbeat: { interval: 'PT1S' }, offlineAfter: 'PT3S' });
    pass(10 * second);
    // The second acknowledgement tightens nothing more, and leaves what the first one did.
    for (let i = 0; i < 2; i++) given('work-settled', { items: [{ ...settledSettings, revision: '99' }] }, 'a');
    pass(second);
    expect(transitions().at(-1)).toBe('a Unreachable/Offline silence +10');
  });

  test('G3, R5: whoever was due before a limit was tightened is due when it was, not when it was tightened', () => {
    const { client, contact, pass, jump, levelSettings, given, transitions } = lane();
    levelSettings({ heartbeat: { interval: 'PT1S' }, offlineAfter: 'PT10.1S' });
    client('a');
    contact('a', 'register');
    levelSettings({ heartbeat: { interval: 'PT1S' }, offlineAfter: 'PT3S' });
    pass(10 * second);
    jump(300);
    given('work-settled', { items: [{ ...settledSettings, revision: '99' }] }, 'a');
    pass(second);
    expect(transitions().at(-1)).toBe('a Unreachable/Offline silence +10.1');
  });

  test('G1: a backlog expires nobody early', () => {
    const { client, contact, jump, transitions } = lane();
    client('a');
    client('b');
    for (let i = 0; i < 1_000; i++) {
      contact('a', 'heartbeat');
      contact('b', 'heartbeat');
      jump(second);
    }
    expect(transitions()).toHaveLength(2);
  });

  test('G3: a wider limit holds at once, a tighter one once it is acknowledged', () => {
    const { client, contact, pass, levelSettings, given, presence, transitions } = lane();
    client('a');
    contact('a', 'register');
    levelSettings({ heartbeat: { interval: 'PT1S' }, offlineAfter: 'PT10S' });
    pass(5 * second);
    expect(transitions()).toHaveLength(1);
    levelSettings({ heartbeat: { interval: 'PT1S' }, offlineAfter: 'PT2S' });
    contact('a', 'heartbeat');
    pass(5 * second);
    expect(transitions()).toHaveLength(1);
    const settled = {
      kind: 'settings',
      key: 'settings',
      revision: '99',
      release: null,
      outcome: 'applied',
      error: null,
      via: 'ack',
    } as const;
    given('work-settled', { items: [settled] }, 'a');
    expect(presence.members.data.limit[0]).toBe(2 * second);
    pass(second);
    expect(transitions()[1]).toContain('silence');
  });

  test('G3: an acknowledgement of what was set before a move to another group does not tighten the limit', () => {
    const { client, contact, given, presence } = lane({ heartbeat: { interval: 'PT1S' }, offlineAfter: 'PT10S' });
    given('settings-changed', {
      level: { scope: 'group', path: 'strict' },
      patch: { reachback: {} },
      values: { reachback: { offlineAfter: 'PT2S' } },
    });
    client('a');
    contact('a', 'register');
    given('client-edited', { group: 'strict' }, 'a');
    const settle = (revision: string) => {
      const item = { kind: 'settings', key: 'settings', revision, release: null, outcome: 'applied' } as const;
      given('work-settled', { items: [{ ...item, error: null, via: 'ack' }] }, 'a');
    };
    settle('3');
    expect(presence.members.data.limit[0]).toBe(10 * second);
    settle('5');
    expect(presence.members.data.limit[0]).toBe(2 * second);
  });

  test('R1: a replay starts the limit of whoever became unreachable where live intake started it', () => {
    const { presence, given, client, contact, pass } = lane();
    client('d', direct);
    contact('d', 'register');
    pass(60 * second);
    given(
      'client-status-changed',
      {
        at: new Date(start + 60 * second).toISOString(),
        status: 'Unreachable/Online',
        cause: 'network-changed',
        network: 'unreachable',
        networkName: 'nat',
      },
      'd',
    );
    expect(presence.members.deadlineOf(0, presence.outages)).toBe(start + 63 * second);
  });

  test('R19: who did not answer is offline, who answers is online; unreachable clients are left alone', () => {
    const { client, contact, pass, transitions } = lane();
    client('d', direct);
    client('u');
    contact('d', 'register');
    contact('u', 'register');
    pass(second);
    for (const id of ['d', 'u']) contact(id, 'unanswered');
    pass(second);
    contact('d', 'answered');
    expect(transitions().slice(2)).toEqual(['d Offline verification +1', 'd Online verification +2']);
  });

  test('R19, G1: who was asked before an outage, or while no server ticks, is not taken for silent', () => {
    const { presence, contact, client, pass, jump } = lane();
    client('d', direct);
    contact('d', 'register');
    pass(second);
    expect(presence.wasAnybodyHeard(presence.clock - 500, presence.clock)).toBe(true);
    const asked = presence.clock;
    jump(3 * second);
    contact('d', 'logs');
    expect(presence.wasAnybodyHeard(presence.clock, presence.clock)).toBe(false);
    pass(second);
    expect(presence.wasAnybodyHeard(asked, presence.clock)).toBe(false);
    expect(presence.wasAnybodyHeard(presence.clock - 500, presence.clock)).toBe(true);
  });
});

describe('R8: inactive clients', () => {
  const heartbeat = { interval: 'PT1S' };
  const days = 86_400 * second;

  test('are kept for ever unless somebody asked for their removal', () => {
    const { client, contact, jump, pass, emitted } = lane({ heartbeat, offlineAfter: 'PT3S' });
    client('a');
    contact('a', 'register');
    contact('a', 'stop');
    jump(400 * days);
    pass(second);
    expect(emitted.filter((fact) => fact.type === 'client-removed')).toEqual([]);
  });

  test('are removed when they were offline that long, and not before; who came back starts anew', () => {
    const { client, contact, pass, emitted, transitions } = lane({
      heartbeat,
      offlineAfter: 'PT3S',
      removeInactiveAfter: 'PT60S',
    });
    client('gone');
    client('back');
    for (const id of ['gone', 'back']) contact(id, 'register');
    pass(40 * second);
    contact('back', 'heartbeat');
    pass(22 * second);
    expect(transitions().slice(2)).toEqual([
      'back Unreachable/Offline silence +3',
      'gone Unreachable/Offline silence +3',
      'back Unreachable/Online heartbeat +40',
      'back Unreachable/Offline silence +43',
    ]);
    pass(2 * second);
    expect(transitions().slice(6)).toEqual(['gone Unreachable/Offline inactive +63']);
    expect(emitted.filter((fact) => fact.type === 'client-removed').map((fact) => [fact.client, fact.data])).toEqual([
      ['gone', { cause: 'inactive', by: 'server' }],
    ]);
  });

  test('R1: a change of the network while a client is offline does not start its time anew', () => {
    const { presence, emitted, client, contact, pass, transitions } = lane({ heartbeat, removeInactiveAfter: 'PT60S' });
    client('a');
    contact('a', 'register');
    contact('a', 'stop');
    pass(40 * second);
    presence.classify(0, direct, start + 40 * second, (fact) => emitted.push(fact));
    pass(21 * second);
    expect(transitions().at(-1)).toBe('a Offline inactive +60');
  });

  test('G1: the time when the server was away does not count', () => {
    const { client, contact, jump, pass, transitions } = lane({ heartbeat, removeInactiveAfter: 'PT60S' });
    client('a');
    contact('a', 'register');
    contact('a', 'stop');
    pass(second);
    jump(3_600 * second);
    pass(30 * second);
    expect(transitions()).toHaveLength(2);
  });

  test('go at most 1,000 in an hour, also across a restart', () => {
    const { limit, window } = inactiveRemovals;
    const { presence, client, contact, pass, transitions } = lane({ heartbeat, removeInactiveAfter: 'PT1S' });
    for (let i = 0; i < limit + 50; i++) {
      client(`c${i}`);
      contact(`c${i}`, 'stop');
      contact(`c${i}`, 'start');
      contact(`c${i}`, 'stop');
    }
    const removed = () => transitions().filter((transition) => transition.includes('inactive'));
    pass(10 * second);
    expect(removed()).toHaveLength(limit);
    expect(presence.removals).toHaveLength(limit);
    pass(window - 10 * second);
    expect(removed()).toHaveLength(limit);
    pass(2 * second);
    expect(removed()).toHaveLength(limit + 50);
  });
});
