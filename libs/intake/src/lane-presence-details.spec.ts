import { describe, expect, test } from '@jest/globals';
import type { LaneKind, NewFact } from '#contracts';
import { direct, lane, second, start, unreachable } from '../../../test/helpers/lane.js';
import { LanePresence } from './lane-presence.js';

const iso = (after: number) => new Date(start + after).toISOString();

describe('the time of a lane', () => {
  test('G1: a gap longer than two seconds is an outage; the first message shows none', () => {
    const presence = new LanePresence();
    const emitted: NewFact[] = [];
    for (const [after, isTick] of [
      [0, false],
      [1, true],
      [2_001, true],
      [4_002, false],
      [4_003, true],
    ] as const) {
      presence.advance(start + after, isTick, (fact) => emitted.push(fact));
    }
    expect(emitted).toEqual(
      (['broker', 'server'] as const).map((away) => ({
        type: 'lane-gap-observed',
        client: null,
        meta: { actor: 'system' },
        data: { from: iso(2_001), to: iso(away === 'broker' ? 4_002 : 4_003), away },
      })),
    );
    expect(presence.outages.broker.list).toEqual([{ from: start + 2_001, to: start + 4_002 }]);
  });

  test('never goes back', () => {
    const { presence, emitted } = lane();
    const seen = [5, 3, 7].map((after) => presence.advance(start + after, false, (fact) => emitted.push(fact)));
    expect(seen).toEqual([start + 5, start + 5, start + 7]);
    expect(presence.clock).toBe(start + 7);
    expect(presence.lastTick).toBe(start);
  });

  test('R19, G1: ticks that are two seconds apart still show a server that hears', () => {
    const { presence } = lane();
    expect(presence.wasAnybodyHeard(start, start + 2_000)).toBe(true);
    expect(presence.wasAnybodyHeard(start, start + 2_001)).toBe(false);
  });

  test.each(['broker', 'server'] as const)('R19, G1: nobody was heard during an outage of the %s', (away) => {
    const { presence, given } = lane();
    given('lane-gap-observed', { from: iso(-9_000), to: iso(-4_000), away });
    expect(presence.wasAnybodyHeard(start - 5_000, start)).toBe(false);
    expect(presence.wasAnybodyHeard(start - 4_000, start)).toBe(true);
  });

  test('R5: whoever was loaded from a snapshot is watched from then on', () => {
    const { presence, client, contact, pass, transitions } = lane();
    for (const id of ['a', 'b']) {
      client(id);
      contact(id, 'register');
    }
    presence.watchAll();
    pass(4 * second);
    expect(transitions().slice(2)).toEqual(['b Unreachable/Offline silence +3', 'a Unreachable/Offline silence +3']);
  });

  test('R5: who says goodbye and comes back takes nobody else off the wheel', () => {
    const { client, contact, pass, transitions } = lane({ heartbeat: { interval: 'PT1S' }, offlineAfter: 'PT50M' });
    client('a');
    client('b');
    // Its deadline lies in the first slot, where a client that hangs nowhere must not be thought to hang.
    expect(((start + 3_000 * second) / 100) % 36_000).toBe(0);
    for (const kind of ['register', 'stop'] as const) contact('a', kind);
    contact('b', 'register');
    contact('a', 'start');
    pass(3_001 * second);
    expect(transitions()).toContain('b Unreachable/Offline silence +3000');
  });

  test('a new lane knows no networks and no removals', () => {
    const { networks, removals } = new LanePresence();
    expect([networks.length, removals.length]).toEqual([0, 0]);
  });

  test('a replay before anybody is watched concludes nothing', () => {
    const presence = new LanePresence();
    const emitted: NewFact[] = [];
    presence.members.enter(0, 'a');
    presence.members.setRegistered(0, true);
    presence.members.setNetwork(0, 'unreachable', 'nat');
    presence.receive(0, 'heartbeat', start, (fact) => emitted.push(fact));
    presence.advance(start + 3_600 * second, true, (fact) => emitted.push(fact));
    presence.advance(start + 7_200 * second, true, (fact) => emitted.push(fact));
    expect(emitted.filter(({ type }) => type === 'client-status-changed')).toHaveLength(1);
  });
});

describe('what a contact leaves behind', () => {
  const after = (kind: LaneKind) => {
    const { presence, client, contact, jump } = lane();
    client('a');
    contact('a', 'register');
    jump(500);
    contact('a', kind);
    const { lastContact, lastHeartbeat, lastPoll, silenceFrom } = presence.members.data;
    const ago = (column: Float64Array) => (column[0] ? column[0] - start : null);
    return [lastContact, lastHeartbeat, lastPoll, silenceFrom].map(ago);
  };

  test.each<readonly [LaneKind, readonly (number | null)[]]>([
    ['heartbeat', [500, 500, null, 500]],
    ['poll', [500, null, 500, 500]],
    ['start', [500, null, null, 500]],
    ['reload', [500, null, null, 500]],
    ['logs', [500, null, null, 0]],
    ['update', [500, null, null, 0]],
    ['ack', [500, null, null, 0]],
    ['stop', [500, null, null, 0]],
    ['unanswered', [0, null, null, 0]],
  ])('R3, R4, R19: %s sets last contact, last heartbeat, last poll, and the begin of silence', (kind, expected) => {
    expect(after(kind)).toEqual(expected);
  });

  test('R7: uninstall is a removal by the agent, then a transition', () => {
    const { client, contact, emitted } = lane();
    client('a');
    contact('a', 'register');
    contact('a', 'uninstall');
    expect(emitted.slice(-2)).toEqual([
      { type: 'client-removed', client: 'a', meta: { actor: 'agent' }, data: { cause: 'uninstalled', by: 'agent' } },
      {
        type: 'client-status-changed',
        client: 'a',
        meta: { actor: 'system' },
        data: {
          at: iso(0),
          status: 'Unreachable/Offline',
          cause: 'uninstalled',
          network: 'unreachable',
          networkName: 'nat',
        },
      },
    ]);
  });

  test('R5, G1: who only polls and falls silent soon after an outage of the server is offline when due', () => {
    const { client, contact, pass, jump, transitions } = lane({
      heartbeat: { enabled: false },
      poll: { interval: 'PT1S' },
      offlineAfter: 'PT3S',
    });
    client('a');
    client('other');
    contact('a', 'register');
    for (let i = 0; i < 60; i++) {
      jump(second);
      contact('other', 'logs');
    }
    pass(500);
    contact('a', 'poll');
    pass(5 * second);
    expect(transitions().filter((transition) => transition.startsWith('a '))).toEqual([
      'a Unreachable/Online registered +0',
      'a Unreachable/Offline silence +63.5',
    ]);
  });

  test('R8: an inactive client is removed by the server, then a transition', () => {
    const { client, contact, pass, emitted } = lane({ heartbeat: { interval: 'PT1S' }, removeInactiveAfter: 'PT1S' });
    client('a');
    contact('a', 'register');
    contact('a', 'stop');
    pass(2 * second);
    expect(emitted.slice(-2)).toMatchObject([
      { type: 'client-removed', client: 'a', meta: { actor: 'system' }, data: { cause: 'inactive', by: 'server' } },
      { type: 'client-status-changed', client: 'a', data: { at: iso(1_000), cause: 'inactive' } },
    ]);
  });

  test('R8, G1: nobody is removed before a tick has shown that a server was there', () => {
    const { presence, client, contact, jump, transitions } = lane({
      heartbeat: { interval: 'PT1S' },
      removeInactiveAfter: 'PT1S',
    });
    client('a');
    client('b');
    contact('a', 'register');
    contact('a', 'stop');
    jump(1_500);
    contact('b', 'heartbeat');
    expect(presence.settle(0, start + 1_500, () => undefined)).toBe(false);
    expect(transitions().filter((transition) => transition.includes('inactive'))).toHaveLength(0);
  });
});

describe('R1: addresses', () => {
  const known = () => {
    const one = lane();
    one.client('a');
    one.contact('a', 'register');
    const emit = (fact: NewFact) => one.emitted.push(fact);
    return { ...one, emit };
  };

  test('that are others are a fact, whatever network they lie in', () => {
    const { presence, emit, emitted } = known();
    expect(presence.receiveAddresses(0, ['10.0.0.2'], start, emit)).toBe(true);
    expect(presence.receiveAddresses(0, ['10.0.0.2'], start, emit)).toBe(false);
    expect(emitted.slice(1)).toEqual([
      { type: 'client-addresses-changed', client: 'a', meta: { actor: 'agent' }, data: { ips: ['10.0.0.2'] } },
    ]);
  });

  test('in another network of the same class are a transition, and give no new limit', () => {
    const { presence, given, emit, emitted, contact } = known();
    contact('a', 'heartbeat');
    given('networks-changed', { networks: [{ name: 'lab', ranges: ['10.0.0.0/8'] }] });
    expect(presence.reclassify(0, unreachable, start + 1_000, emit)).toBe(true);
    expect(emitted.at(-1)).toMatchObject({
      data: { at: iso(1_000), status: 'Unreachable/Online', cause: 'network-changed', networkName: 'lab' },
    });
    expect(presence.members.data.silenceFrom[0]).toBe(start);
    expect(presence.reclassify(0, unreachable, start + 1_000, emit)).toBe(false);
  });

  test('that presence does not know, or of a client that is gone, classify nobody', () => {
    const { presence, given, emit } = known();
    given('networks-changed', { networks: [] });
    expect(presence.reclassify(0, direct, start, emit)).toBe(false);
    presence.members.setRegistered(0, false);
    expect(presence.reclassify(0, unreachable, start, emit)).toBe(false);
    expect(presence.members.networkOf(0)).toBe('unreachable');
  });

  test('of a client without a status move it without a transition', () => {
    const { presence, client, emit, emitted } = known();
    client('b');
    expect(presence.classify(1, direct, start, emit)).toBe(true);
    presence.members.setRegistered(0, false);
    presence.members.setOnline(0, true, start);
    expect(presence.classify(0, direct, start, emit)).toBe(true);
    expect(emitted).toHaveLength(1);
  });

  test('a limit that starts counts from the last contact where that is later', () => {
    const { presence, contact, jump } = known();
    jump(1_000);
    contact('a', 'heartbeat');
    presence.startLimit(0, false, start + 500);
    expect(presence.members.data.silenceFrom[0]).toBe(start + 1_000);
    presence.startLimit(0, true, start + 2_000);
    expect(presence.members.data.silenceFrom[0]).toBe(start + 1_000);
    presence.startLimit(0, false, start + 2_000);
    expect(presence.members.data.silenceFrom[0]).toBe(start + 2_000);
  });
});
