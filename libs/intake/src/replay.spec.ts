import { describe, expect, test } from '@jest/globals';
import type { Fact, FactData, FactType, NewFact } from '#contracts';
import { ChunkWriter } from '#event-log';
import { lane, second, settledSettings, start } from '../../../test/helpers/lane.js';
import { Replay } from './replay.js';

const nat = [{ name: 'nat', ranges: ['10.0.0.0/8'] }];
/** Who is to beat wherever it is. */
const everybody = { heartbeat: { scope: 'all', interval: 'PT1S' }, offlineAfter: 'PT3S' };
const onlyUnreachable = { heartbeat: { scope: 'unreachable', interval: 'PT1S' }, offlineAfter: 'PT3S' };
const nobody = { heartbeat: { enabled: false }, poll: { enabled: false } };

/** A client that beat at the start, and a replay of what came after that. */
const replaying = () => {
  const { presence, client, contact } = lane(everybody);
  client('a');
  contact('a', 'heartbeat');
  const replay = new Replay(presence);
  const fact = <T extends FactType>(
    position: number,
    type: T,
    data: FactData[T],
    id: string | null,
    causation?: number,
  ) => {
    const meta = { actor: 'system', ...(causation === undefined ? {} : { causation: String(causation) }) };
    const recordedAt = new Date(start + second);
    const read = { type, data, client: id, meta, lane: 0, position: BigInt(position), id: '', recordedAt };
    replay.fact(read as unknown as Fact);
  };
  const networks = (position: number, list: FactData['networks-changed']['networks']) =>
    fact(position, 'networks-changed', { networks: list }, null);
  const policy = (position: number, reachback: FactData['settings-changed']['values'][string]) => {
    const values = { reachback };
    fact(position, 'settings-changed', { level: { scope: 'fleet' }, patch: values, values }, null);
  };
  const moved = (position: number, networkName: string | null, causation: number) => {
    const network = networkName === null ? 'direct' : 'unreachable';
    const status = networkName === null ? 'Online' : 'Unreachable/Online';
    const at = new Date(start + second).toISOString();
    const data = { at, status, cause: 'network-changed', network, networkName } as const;
    fact(position, 'client-status-changed', data, 'a', causation);
  };
  const rest = (): readonly NewFact[] => {
    const owed: NewFact[] = [];
    presence.writeOwed((one) => owed.push(one));
    return owed;
  };
  const heard = (after: number) => {
    const writer = new ChunkWriter();
    writer.add(0, 'heartbeat', start + after);
    replay.contacts(writer.take());
  };
  return { presence, replay, fact, heard, networks, policy, moved, rest };
};

describe('a replay of changes that the owner took in together', () => {
  test('R1, R5: who left its network and came back, and was expected to speak all the time, has no new limit', () => {
    const { presence, replay, networks, policy, moved } = replaying();
    networks(11, []);
    networks(12, nat);
    policy(13, onlyUnreachable);
    moved(14, null, 11);
    moved(15, 'nat', 12);
    replay.catchUp();
    expect(presence.members.deadlineOf(0, presence.outages)).toBe(start + 3 * second);
  });

  test('R1: who was not expected to speak in between has the whole limit from its coming back on', () => {
    const { presence, replay, networks, policy, moved } = replaying();
    policy(10, onlyUnreachable);
    networks(11, []);
    networks(12, nat);
    policy(13, everybody);
    moved(14, null, 11);
    moved(15, 'nat', 12);
    replay.catchUp();
    expect(presence.members.deadlineOf(0, presence.outages)).toBe(start + 4 * second);
  });

  test('R7: whom the second turned offline is offline, and owed, though what the first did stands after both', () => {
    const { presence, replay, networks, policy, moved, rest } = replaying();
    networks(11, [{ name: 'other', ranges: ['10.0.0.0/8'] }]);
    networks(12, nat);
    policy(13, nobody);
    moved(14, 'other', 11);
    moved(15, 'nat', 12);
    replay.catchUp();
    expect(presence.members.isOnline(0)).toBe(false);
    expect(rest()).toMatchObject([{ client: 'a', data: { cause: 'policy-changed' }, meta: { causation: '13' } }]);
  });

  test('R1: a change counts before what followed from the next one', () => {
    const { presence, replay, networks, policy, moved } = replaying();
    networks(11, nat);
    policy(12, onlyUnreachable);
    networks(13, []);
    networks(14, nat);
    policy(15, everybody);
    moved(16, null, 13);
    moved(17, 'nat', 14);
    replay.catchUp();
    expect(presence.members.deadlineOf(0, presence.outages)).toBe(start + 4 * second);
  });

  test('G3: what comes behind a fact that waits waits too', () => {
    const { presence, heard, fact, networks, policy } = replaying();
    networks(11, nat);
    policy(12, { ...everybody, offlineAfter: 'PT2S' });
    fact(13, 'work-settled', { items: [{ ...settledSettings, revision: '12' }] }, 'a');
    expect(presence.members.data.limit[0]).toBe(3 * second);
    heard(2 * second);
    expect(presence.members.data.limit[0]).toBe(2 * second);
  });

  const at = new Date(start + second).toISOString();
  test.each([
    ['an outage', 'lane-gap-observed', { from: at, to: at, away: 'broker' }],
    ['a judgement of silence', 'lane-silence-judged', { at, tick: at }],
  ] as const)('R7: the second counts before %s after it', (_, type, data) => {
    const { presence, fact, networks, policy } = replaying();
    networks(11, nat);
    policy(12, nobody);
    fact(13, type, data, null);
    expect(presence.members.isOnline(0)).toBe(false);
  });

  test('R7: the second counts before the contacts after it', () => {
    const { presence, heard, networks, policy } = replaying();
    networks(11, nat);
    policy(12, nobody);
    heard(2 * second);
    expect(presence.members.isOnline(0)).toBe(false);
    expect(presence.members.data.silenceFrom[0]).toBe(start);
  });
});

test('R5: contacts move the limit', () => {
  const { presence, heard } = replaying();
  heard(2 * second);
  expect(presence.members.data.silenceFrom[0]).toBe(start + 2 * second);
});

test('R1: nothing waits while no change of the networks is under way', () => {
  const { presence, policy } = replaying();
  policy(11, { ...everybody, offlineAfter: 'PT1M' });
  expect(presence.members.data.limit[0]).toBe(60 * second);
});
