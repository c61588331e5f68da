import { describe, expect, test } from '@jest/globals';
import { defaultPolicy, Outages, reconnectAllowance } from '#domain';
import { Members, Names } from './members.js';

const minute = 60_000;
const hour = 60 * minute;
const away = { from: 10 * minute, to: 20 * minute };
const outages = (list: { broker?: boolean; server?: boolean }) => ({
  broker: new Outages(list.broker ? [away] : []),
  server: new Outages(list.server ? [away] : []),
});

/** One registered client that acts on the default policy, with what differs. */
const withClient = (policy: Partial<typeof defaultPolicy> = {}) => {
  const members = new Members();
  members.enter(0, 'a');
  members.setRegistered(0, true);
  members.policies[0] = { ...defaultPolicy, ...policy };
  members.adoptPolicy(0);
  return members;
};

describe('names', () => {
  test('have one number each, those that were there from the beginning too', () => {
    const names = new Names(['', 'paris']);
    expect(['paris', 'lyon', '', 'lyon'].map((name) => names.number(name))).toEqual([1, 2, 0, 2]);
    expect(names.list).toEqual(['', 'paris', 'lyon']);
    expect(new Names().list).toHaveLength(0);
  });
});

describe('members of a lane', () => {
  test('make room by half as much again, or for as many as are needed, and keep what is known', () => {
    const members = withClient();
    members.setOnline(0, true, 7);
    members.setNetwork(0, 'unreachable', 'nat');
    members.enter(1_023, 'b');
    expect(members.size).toBe(1_024);
    members.enter(1_024, 'c');
    expect(members.size).toBe(1_536);
    members.enter(9_999, 'd');
    expect([members.size, members.count]).toEqual([10_000, 10_000]);
    expect([members.idOf(5), members.ordinalOf('d'), members.ordinalOf('x')]).toEqual(['', 9_999, undefined]);
    expect([members.isOnline(0), members.data.since[0], members.networkNameOf(0)]).toEqual([true, 7, 'nat']);
    expect(members.data.clockSkew[9_999]).toBeNaN();
  });

  test('R7: a client that comes back keeps its place and its policy', () => {
    const members = withClient({ offlineAfter: hour });
    members.enter(0, 'a');
    expect([members.count, members.policyOf(0).offlineAfter]).toEqual([1, hour]);
    members.enter(1, 'b');
    expect(members.policyOf(1)).toBe(defaultPolicy);
    expect(members.policyOf(99)).toBe(defaultPolicy);
  });

  test('who is unknown is neither registered nor online, direct, and in no network or group', () => {
    const members = new Members();
    expect([members.isRegistered(9_999), members.isOnline(9_999), members.hasStatus(9_999)]).toEqual([
      false,
      false,
      false,
    ]);
    expect([members.networkOf(9_999), members.networkNameOf(9_999), members.groupOf(9_999)]).toEqual([
      'direct',
      null,
      '',
    ]);
  });

  test('number 0 is the root among groups, and no network', () => {
    const { groups, networks } = new Members();
    expect([groups.list, networks.list]).toEqual([[''], ['']]);
  });

  test('each flag is its own', () => {
    const members = withClient();
    members.setOnline(0, true, 1);
    members.setNetwork(0, 'unreachable', 'nat');
    members.setOnline(0, false, 2);
    expect([members.isRegistered(0), members.isOnline(0), members.networkOf(0)]).toEqual([true, false, 'unreachable']);
    members.setNetwork(0, 'direct', null);
    expect([members.networkOf(0), members.networkNameOf(0), members.hasStatus(0)]).toEqual(['direct', null, true]);
    members.setRegistered(0, false);
    expect([members.isRegistered(0), members.hasStatus(0)]).toEqual([false, false]);
  });

  test('R1: "since" is when it went online or offline, or was first known to be either', () => {
    const members = withClient();
    members.setOnline(0, false, 1);
    members.setOnline(0, false, 2);
    expect(members.data.since[0]).toBe(1);
    members.setOnline(0, true, 3);
    members.setOnline(0, true, 4);
    expect(members.data.since[0]).toBe(3);
    members.setRegistered(0, true);
    members.setOnline(0, true, 5);
    expect(members.data.since[0]).toBe(5);
  });

  test('G6: a revision is news once', () => {
    const members = withClient();
    expect([41, 41, 42].map((revision) => members.reportRevision(0, revision))).toEqual([true, false, true]);
  });

  test('R5: only an online client that is expected to speak is watched for silence', () => {
    const members = withClient();
    members.setOnline(0, true, 1);
    expect(members.isWatched(0)).toBe(false);
    members.setNetwork(0, 'unreachable', 'nat');
    expect(members.isWatched(0)).toBe(true);
    members.setOnline(0, false, 1);
    expect(members.isWatched(0)).toBe(false);
  });
});

describe('when a client is due', () => {
  const poll = { enabled: true, interval: 5 * minute };
  const pollsOnly = { heartbeat: { ...defaultPolicy.heartbeat, enabled: false }, poll, offlineAfter: 6 * minute };

  test('G1: by the outages of the broker if it beats, of the server if it only polls', () => {
    const beats = withClient();
    expect(beats.deadlineOf(0, outages({ server: true }))).toBe(3 * minute);
    expect(beats.deadlineOf(0, outages({ broker: true }))).toBe(3 * minute + 10 * minute + minute + reconnectAllowance);
    const polls = withClient(pollsOnly);
    expect(polls.deadlineOf(0, outages({ broker: true }))).toBe(6 * minute);
    const due = 6 * minute + 10 * minute + poll.interval + reconnectAllowance;
    expect(polls.deadlineOf(0, outages({ server: true }))).toBe(due);
  });

  test('G3: by the widest of what it may act on, until it acts on its policy', () => {
    const members = withClient(pollsOnly);
    expect(members.needsServer(0)).toBe(true);
    members.policies[0] = defaultPolicy;
    members.addPolicy(0);
    expect([members.data.limit[0], members.data.interval[0], members.needsServer(0)]).toEqual([
      6 * minute,
      5 * minute,
      true,
    ]);
    members.adoptPolicy(0);
    expect([members.data.limit[0], members.data.interval[0], members.needsServer(0)]).toEqual([
      3 * minute,
      minute,
      false,
    ]);
  });

  test('G3: not before a limit was tightened', () => {
    const members = withClient({ removeInactiveAfter: hour });
    members.data.limitFrom[0] = 2 * hour;
    expect(members.deadlineOf(0, outages({}))).toBe(2 * hour);
    members.setOnline(0, false, 0);
    expect(members.removalOf(0, outages({}))).toBe(2 * hour);
  });

  test('R8: for removal as long after it went offline as is set, the outages of the server aside', () => {
    const members = withClient({ removeInactiveAfter: hour });
    expect(members.removalOf(0, outages({}))).toBeUndefined();
    members.setOnline(0, true, minute);
    expect(members.removalOf(0, outages({}))).toBeUndefined();
    members.setOnline(0, false, 2 * minute);
    expect(members.removalOf(0, outages({ broker: true }))).toBe(2 * minute + hour);
    const late = 2 * minute + hour + 10 * minute + poll.interval + reconnectAllowance;
    expect(members.removalOf(0, outages({ server: true }))).toBe(late);
    members.setRegistered(0, false);
    members.setOnline(0, false, 2 * minute);
    expect(members.removalOf(0, outages({}))).toBeUndefined();
    expect(withClient().removalOf(0, outages({}))).toBeUndefined();
  });
});
