import { describe, expect, test } from '@jest/globals';
import { carriesWork, packReply, replyLimits, settleByReport } from './delivery.js';

const release = (n: number, url = 'https://updates.example/x') => ({
  component: `c${n}`,
  version: '1',
  url,
  sha256: '0'.repeat(64),
  size: 1,
  deliverBy: null,
});

describe('delivery', () => {
  test('R13: a beat carries nothing, nor do logs, acknowledgements and goodbyes', () => {
    for (const kind of ['heartbeat', 'logs', 'ack', 'stop', 'uninstall']) expect(carriesWork(kind)).toBe(false);
  });

  test('R14, R15: polls, connecting contacts and updates the client started carry work', () => {
    for (const kind of ['poll', 'register', 'start', 'reload', 'update']) expect(carriesWork(kind)).toBe(true);
  });

  test('R14: a reply is bounded, and says whether more is waiting', () => {
    const few = [release(1), release(2)];
    expect(packReply({ a: 1 }, few)).toEqual({ settings: { a: 1 }, updates: few, more: false });
    const many = Array.from({ length: 250 }, (_, i) => release(i));
    expect(packReply(null, many).updates).toHaveLength(replyLimits.updates);
    expect(packReply(null, many).more).toBe(true);
    const large = Array.from({ length: 50 }, (_, i) => release(i, 'x'.repeat(20_000)));
    const reply = packReply(null, large);
    expect(reply.more).toBe(true);
    expect(JSON.stringify(reply.updates).length).toBeLessThanOrEqual(replyLimits.bytes);
  });

  test('R14: what is larger than a reply alone is still delivered, or it would never be', () => {
    expect(packReply(null, [release(1, 'x'.repeat(2 * replyLimits.bytes))]).updates).toHaveLength(1);
  });

  test('G6: what the client reports to have is settled', () => {
    const settings = { kind: 'settings', key: 'settings', revision: '7', release: null } as const;
    const update = { kind: 'update', key: 'scan-engine', revision: '9.2', release: 'r' } as const;
    const queue = [settings, update];
    expect(settleByReport(queue, { settingsRevision: '7', installed: { 'scan-engine': '9.2' } }).open).toEqual([]);
    expect(settleByReport(queue, { settingsRevision: '6', installed: { 'scan-engine': '9.1' } }).settled).toEqual([]);
    expect(settleByReport(queue, {}).open).toEqual(queue);
  });
});
