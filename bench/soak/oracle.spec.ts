import { expect, test } from '@jest/globals';
import { type AgentState, type Book, emptyBook, type Target } from './book.js';
import { idOf, memberOf } from './members.js';
import { expectedQueue, hasOnlyItsOwn } from './oracle.js';

const client = 5;
const { group, labels } = memberOf(client);
const now = Date.parse('2026-12-01T00:00:00Z');
const fresh: AgentState = { settingsRevision: '0', installed: {}, failed: {}, sent: 0, answered: 0 };

const bookOf = (...releases: readonly [version: string, target: Target, deliverBy?: number][]): Book => ({
  ...emptyBook(),
  releases: releases.map(([version, target, deliverBy = null]) => ({
    component: 'engine',
    version,
    target,
    deliverBy,
  })),
});
const toAll = { all: true } as const;

test('R20 the newest change on the way from the fleet to the client is what it should have', () => {
  const book = emptyBook();
  expect(expectedQueue(client, fresh, book, now)).toEqual([]);
  book.fleetRevision = 7;
  book.groupRevisions.set('another/site', 11);
  expect(expectedQueue(client, fresh, book, now)).toEqual(['settings settings 7 pending']);
  book.groupRevisions.set(group.split('/')[0] ?? '', 8);
  expect(expectedQueue(client, fresh, book, now)).toEqual(['settings settings 8 pending']);
  book.clientRevisions.set(idOf(client), 9);
  expect(expectedQueue(client, { ...fresh, settingsRevision: '8' }, book, now)).toEqual([
    'settings settings 9 pending',
  ]);
  expect(expectedQueue(client, { ...fresh, settingsRevision: '9' }, book, now)).toEqual([]);
});

test('G4 of the releases that are for the client only the newest is in its queue', () => {
  const book = bookOf(['1', toAll], ['2', { groups: [group] }], ['3', { clients: [idOf(client + 1)] }]);
  expect(expectedQueue(client, fresh, book, now)).toEqual(['update engine 2 pending']);
  expect(expectedQueue(client, { ...fresh, installed: { engine: '1' } }, book, now)).toEqual([
    'update engine 2 pending',
  ]);
  expect(expectedQueue(client, { ...fresh, installed: { engine: '2' } }, book, now)).toEqual([]);
});

test('a release by labels, or to a group above, is for those that have them', () => {
  const region = group.split('/')[0] ?? '';
  for (const target of [{ labels }, { groups: [region] }]) {
    expect(expectedQueue(client, fresh, bookOf(['1', target]), now)).toEqual(['update engine 1 pending']);
  }
  for (const target of [{ labels: { ring: 'none' } }, { groups: ['regio'] }]) {
    expect(expectedQueue(client, fresh, bookOf(['1', target]), now)).toEqual([]);
  }
});

test('G5 what is past its deadline is in no queue, and nothing older takes its place', () => {
  const book = bookOf(['1', toAll], ['2', toAll, now - 1]);
  expect(expectedQueue(client, fresh, book, now)).toEqual([]);
  expect(expectedQueue(client, fresh, book, now - 2)).toEqual(['update engine 2 pending']);
});

test('what the agent said to have failed is failed, until something newer is there', () => {
  const agent = { ...fresh, failed: { engine: '1', settings: '7' } };
  const book = { ...bookOf(['1', toAll]), fleetRevision: 7 };
  expect(expectedQueue(client, agent, book, now)).toEqual(['settings settings 7 failed', 'update engine 1 failed']);
  book.releases.push({ component: 'engine', version: '2', target: toAll, deliverBy: null });
  expect(expectedQueue(client, agent, book, now)).toContain('update engine 2 pending');
});

test('an agent that has what was meant for others is found', () => {
  const book = bookOf(['1', toAll], ['2', { clients: [idOf(client + 1)] }]);
  expect(hasOnlyItsOwn(client, { ...fresh, installed: { engine: '1' } }, book)).toBe(true);
  expect(hasOnlyItsOwn(client, { ...fresh, installed: { engine: '2' } }, book)).toBe(false);
});
