import { describe, expect, test } from '@jest/globals';
import {
  type ContactKind,
  isExpectedToSpeak,
  inactiveRemovals,
  isOverdue,
  nextRemoval,
  provesOnline,
  statusOf,
  turnsOnContact,
  turnsOnGrant,
} from './presence.js';

const all = { heartbeat: true, poll: true };
const nothing = { heartbeat: false, poll: false };
const kinds: readonly ContactKind[] = [
  'register',
  'start',
  'reload',
  'heartbeat',
  'poll',
  'update',
  'ack',
  'logs',
  'stop',
  'uninstall',
];
const offline = { online: false, network: 'unreachable', grant: all } as const;
const online = { online: true, network: 'unreachable', grant: all } as const;

describe('statuses', () => {
  test('R2: four statuses, two for each network class', () => {
    expect(statusOf('direct', true)).toBe('Online');
    expect(statusOf('direct', false)).toBe('Offline');
    expect(statusOf('unreachable', true)).toBe('Unreachable/Online');
    expect(statusOf('unreachable', false)).toBe('Unreachable/Offline');
  });
});

describe('what proves a client online', () => {
  test('R3: for an unreachable client a beat, a poll and the connecting contacts; nothing else', () => {
    const proving = kinds.filter((kind) => provesOnline(kind, 'unreachable', all));
    expect(proving).toEqual(['register', 'start', 'reload', 'heartbeat', 'poll']);
  });

  test('R4: an update, logs and an acknowledgement change nothing, whether the client is online or offline', () => {
    for (const kind of ['update', 'logs', 'ack'] as const) {
      expect(turnsOnContact(kind, offline)).toEqual([]);
      expect(turnsOnContact(kind, online)).toEqual([]);
    }
  });

  test('R4: for a direct client every contact but a goodbye proves it online', () => {
    const proving = kinds.filter((kind) => provesOnline(kind, 'direct', nothing));
    expect(proving).toEqual(['register', 'start', 'reload', 'heartbeat', 'poll', 'update', 'ack', 'logs']);
    expect(turnsOnContact('logs', { online: false, network: 'direct', grant: nothing })).toEqual([
      { online: true, cause: 'logs' },
    ]);
  });

  test('R16: an ungranted beat or poll of an unreachable client changes no status', () => {
    const client = { online: false, network: 'unreachable' } as const;
    expect(turnsOnContact('heartbeat', { ...client, grant: { heartbeat: false, poll: true } })).toEqual([]);
    expect(turnsOnContact('poll', { ...client, grant: { heartbeat: true, poll: false } })).toEqual([]);
  });
});

describe('connecting and goodbye', () => {
  test('R6: a connecting contact makes a client online', () => {
    expect(turnsOnContact('register', offline)).toEqual([{ online: true, cause: 'registered' }]);
    expect(turnsOnContact('start', offline)).toEqual([{ online: true, cause: 'started' }]);
    expect(turnsOnContact('reload', offline)).toEqual([{ online: true, cause: 'reloaded' }]);
  });

  test('R6: an unreachable client that is granted nothing goes offline at once, for want of a route', () => {
    expect(turnsOnContact('start', { ...offline, grant: nothing })).toEqual([
      { online: true, cause: 'started' },
      { online: false, cause: 'no-route' },
    ]);
  });

  test('R7: stop puts a client offline; it says nothing of one that is offline already', () => {
    expect(turnsOnContact('stop', online)).toEqual([{ online: false, cause: 'stopped' }]);
    expect(turnsOnContact('stop', offline)).toEqual([]);
  });

  test('R7: uninstall ends in offline whatever was before', () => {
    expect(turnsOnContact('uninstall', online)).toEqual([{ online: false, cause: 'uninstalled' }]);
    expect(turnsOnContact('uninstall', offline)).toEqual([{ online: false, cause: 'uninstalled' }]);
  });

  test('R7: withdrawing both heartbeat and polling puts an online unreachable client offline', () => {
    expect(turnsOnGrant(online, all, nothing)).toEqual([{ online: false, cause: 'policy-changed' }]);
    expect(turnsOnGrant(online, { heartbeat: false, poll: true }, nothing)).toHaveLength(1);
    expect(turnsOnGrant(online, nothing, nothing)).toEqual([]);
    expect(turnsOnGrant(online, all, { heartbeat: false, poll: true })).toEqual([]);
    expect(turnsOnGrant({ online: true, network: 'direct' }, all, nothing)).toEqual([]);
    expect(turnsOnGrant(offline, all, nothing)).toEqual([]);
  });
});

describe('verification', () => {
  const direct = { network: 'direct', grant: nothing } as const;

  test('R19: no answer puts a direct client offline, an answer online; each once', () => {
    expect(turnsOnContact('unanswered', { ...direct, online: true })).toEqual([
      { online: false, cause: 'verification' },
    ]);
    expect(turnsOnContact('unanswered', { ...direct, online: false })).toEqual([]);
    expect(turnsOnContact('answered', { ...direct, online: false })).toEqual([{ online: true, cause: 'verification' }]);
    expect(turnsOnContact('answered', { ...direct, online: true })).toEqual([]);
  });

  test('R19: an answer moves the silence limit of a direct client that beats, no answer does not', () => {
    expect(provesOnline('answered', 'direct', all)).toBe(true);
    expect(provesOnline('unanswered', 'direct', all)).toBe(false);
  });

  test('R19: it says nothing of an unreachable client, which is not asked', () => {
    for (const client of [online, offline]) {
      expect(turnsOnContact('unanswered', client)).toEqual([]);
      expect(turnsOnContact('answered', client)).toEqual([]);
      expect(provesOnline('answered', 'unreachable', all)).toBe(false);
    }
  });
});

describe('R8: the cap on removals', () => {
  test('the next one is due at once below the cap, and an hour after the oldest of the last 1,000 at it', () => {
    const { limit, window } = inactiveRemovals;
    const times = Array.from({ length: limit }, (_, i) => i);
    expect(nextRemoval([])).toBe(0);
    expect(nextRemoval(times.slice(1))).toBe(0);
    expect(nextRemoval(times)).toBe(window);
    expect(nextRemoval([...times, 5_000])).toBe(window + 1);
  });
});

describe('silence', () => {
  test('R5: who is granted neither is not expected to speak; a direct client only if all clients beat', () => {
    expect(isExpectedToSpeak('unreachable', nothing)).toBe(false);
    expect(isExpectedToSpeak('unreachable', { heartbeat: false, poll: true })).toBe(true);
    expect(isExpectedToSpeak('direct', { heartbeat: false, poll: true })).toBe(false);
    expect(isExpectedToSpeak('direct', { heartbeat: true, poll: false })).toBe(true);
  });

  test('R5: a contact at the very deadline is in time', () => {
    expect(isOverdue(1_000, 1_000)).toBe(false);
    expect(isOverdue(1_000, 1_001)).toBe(true);
  });
});
