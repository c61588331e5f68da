import { describe, expect, test } from '@jest/globals';
import {
  contradictedByReport,
  countsAgainst,
  countsFor,
  disagrees,
  inSendingOrder,
  isCarriedAgain,
  isReinstalled,
  packReply,
  replyLimits,
  reportAllowance,
  retryWindow,
  settleByReport,
  type WorkState,
} from './delivery.js';

const work = (
  n: number,
  { url = 'https://updates.example/x', state = 'pending' }: { url?: string; state?: WorkState } = {},
) => ({
  state,
  update: { component: `c${n}`, version: '1', url, sha256: '0'.repeat(64), size: 1, deliverBy: null },
});
const now = new Date('2026-11-24T10:00:00Z');
const before = (milliseconds: number) => new Date(now.getTime() - milliseconds);

describe('a reply', () => {
  test('R14: is bounded, and says whether more is waiting', () => {
    const few = [work(1), work(2)];
    expect(packReply({ a: 1 }, few)).toEqual({ settings: { a: 1 }, updates: few, more: false });
    const many = Array.from({ length: 250 }, (_, i) => work(i));
    expect(packReply(null, many).updates).toHaveLength(replyLimits.updates);
    expect(packReply(null, many).more).toBe(true);
    const large = Array.from({ length: 50 }, (_, i) => work(i, { url: 'x'.repeat(20_000) }));
    const reply = packReply(null, large);
    expect(reply.more).toBe(true);
    expect(JSON.stringify(reply.updates.map(({ update }) => update)).length).toBeLessThanOrEqual(replyLimits.bytes);
  });

  test('R14: is filled to the last byte, settings and updates together, and not beyond', () => {
    const settings = { a: 'x'.repeat(1_000) };
    const bytes = (value: unknown) => JSON.stringify(value).length;
    const room = replyLimits.bytes - bytes(settings) - bytes(work(1).update) - bytes(work(2, { url: '' }).update);
    const packed = (url: number) => packReply(settings, [work(1), work(2, { url: 'x'.repeat(url) })]);
    expect(packed(room).updates).toHaveLength(2);
    expect(packed(room + 1).updates).toHaveLength(1);
  });

  test('R14: what is larger than a reply is delivered all the same, alone or beside large settings', () => {
    const large = work(1, { url: 'x'.repeat(2 * replyLimits.bytes) });
    expect(packReply(null, [large]).updates).toEqual([large]);
    expect(packReply({ a: 'x'.repeat(2 * replyLimits.bytes) }, [work(1), work(2)])).toMatchObject({
      updates: [work(1)],
      more: true,
    });
  });

  test('G10: what failed before does not make a client ask for ever', () => {
    const failed = Array.from({ length: 250 }, (_, i) => work(i, { state: 'failed' }));
    expect(packReply(null, failed)).toMatchObject({ more: false });
  });
});

describe('what is sent first', () => {
  const poll = { id: 'poll-2', isUnique: true };
  const item = (state: WorkState, request: string | null, deliveredAt: Date | null) => ({
    state,
    request,
    deliveredAt,
  });

  test('G10: what was never sent, then the rest with the longest waiting first, so that nothing blocks the line', () => {
    const fresh = item('pending', null, null);
    const old = item('failed', 'poll-0', before(60_000));
    const recent = item('delivered', 'poll-1', before(1_000));
    const untold = item('failed', null, null);
    expect(inSendingOrder([recent, old, untold, fresh], poll, now)).toEqual([fresh, untold, old, recent]);
  });

  test('G7: a retry gets first what the request before it got', () => {
    const fresh = item('pending', null, null);
    const carried = item('delivered', poll.id, before(1_000));
    expect(inSendingOrder([fresh, carried], poll, now)).toEqual([carried, fresh]);
  });

  test('G7: a retry has the id of the request, or else its content within a short time', () => {
    const carried = item('delivered', 'a', before(3_600_000));
    expect(isCarriedAgain(carried, { id: 'a', isUnique: true }, now)).toBe(true);
    expect(isCarriedAgain(carried, { id: 'b', isUnique: true }, now)).toBe(false);
    expect(isCarriedAgain(carried, { id: 'a', isUnique: false }, now)).toBe(false);
    const justNow = item('delivered', 'a', before(retryWindow));
    expect(isCarriedAgain(justNow, { id: 'a', isUnique: false }, now)).toBe(true);
    expect(isCarriedAgain({ ...justNow, deliveredAt: null }, { id: 'a', isUnique: false }, now)).toBe(false);
    expect(isCarriedAgain({ ...justNow, state: 'failed' }, { id: 'a', isUnique: true }, now)).toBe(false);
  });
});

describe('what a client reports', () => {
  const settings = { kind: 'settings', key: 'settings', revision: '42', release: null } as const;
  const update = { kind: 'update', key: 'scan-engine', revision: '9.2', release: 'r' } as const;
  const confirmed = { settingsRevision: 42n, installed: { 'scan-engine': '9.2' } };

  test('G6: is settled', () => {
    const queue = [settings, update];
    expect(settleByReport(queue, { settingsRevision: '42', installed: { 'scan-engine': '9.2' } }).open).toEqual([]);
    expect(settleByReport(queue, { settingsRevision: '41', installed: { 'scan-engine': '9.1' } }).settled).toEqual([]);
    expect(
      settleByReport(queue, { installed: Object.create({ 'scan-engine': '9.2' }) as Record<string, string> }).open,
    ).toEqual(queue);
    expect(settleByReport(queue, {}).open).toEqual(queue);
  });

  test('G6: is failed when it is less than what was acknowledged', () => {
    const acknowledged = [
      { ...settings, newer: [] },
      { ...update, newer: ['9.3'] },
    ];
    const errors = (report: Parameters<typeof contradictedByReport>[1]) =>
      contradictedByReport(acknowledged, report).map(({ error }) => error);
    expect(errors({ settingsRevision: '41', installed: { 'scan-engine': '9.1' } })).toEqual([
      'It acknowledged settings revision 42, and reports 41 since.',
      'It acknowledged scan-engine 9.2, and reports 9.1 since.',
    ]);
    expect(errors({ installed: {} })).toEqual(['It acknowledged scan-engine 9.2, and reports that it has none since.']);
    // The same, nothing, or something newer whose acknowledgement was lost: no contradiction.
    expect(errors({ settingsRevision: '42', installed: { 'scan-engine': '9.2' } })).toHaveLength(0);
    expect(errors({})).toHaveLength(0);
    expect(errors({ settingsRevision: '43', installed: { 'scan-engine': '9.3' } })).toHaveLength(0);
    // A version that was not released after the acknowledged one.
    expect(errors({ installed: { 'scan-engine': '9.4' } })).toHaveLength(1);
  });

  test('G6: disagrees with what is confirmed when it is older or another version', () => {
    expect(disagrees(confirmed, { settingsRevision: '41' })).toBe(true);
    expect(disagrees(confirmed, { installed: {} })).toBe(true);
    expect(disagrees(confirmed, { settingsRevision: '42', installed: { 'scan-engine': '9.2', x: '1' } })).toBe(false);
    expect(disagrees(confirmed, {})).toBe(false);
  });

  test('G6: a client that registers has what it reports, and nothing else', () => {
    expect(isReinstalled(confirmed, {})).toBe(true);
    expect(isReinstalled(confirmed, { settingsRevision: '42' })).toBe(true);
    expect(isReinstalled(confirmed, { installed: { 'scan-engine': '9.2' } })).toBe(true);
    expect(isReinstalled(confirmed, { settingsRevision: '42', installed: { 'scan-engine': '9.2' } })).toBe(false);
    expect(isReinstalled({ settingsRevision: 0n, installed: {} }, {})).toBe(false);
  });
});

describe('a beat that took its time', () => {
  test('G6: settles nothing that was sent after it', () => {
    expect(countsFor({ deliveredAt: null }, now.getTime())).toBe(true);
    expect(countsFor({ deliveredAt: now }, now.getTime())).toBe(true);
    expect(countsFor({ deliveredAt: now }, now.getTime() - 1)).toBe(false);
  });

  test('G6: contradicts no acknowledgement that it may have been sent before', () => {
    expect(countsAgainst({ settledAt: null }, now.getTime())).toBe(true);
    expect(countsAgainst({ settledAt: now }, now.getTime() + reportAllowance)).toBe(false);
    expect(countsAgainst({ settledAt: now }, now.getTime() + reportAllowance + 1)).toBe(true);
  });
});
