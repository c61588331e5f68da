import { describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { contactCodes, type Storage } from '#event-log';
import { parseMetrics } from '../../../test/helpers/metrics.js';
import { createMetrics, type Metrics } from './metrics.js';

const create = () => createMetrics({ version: '1.2.3', roles: ['ingest', 'api'] });

/** The table of docs/operations.md: types by name. */
const readTable = async () => {
  const page = await readFile(join(import.meta.dirname, '../../../docs/operations.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `(reachback_\w+)` +\| (\w+) +\|.*\| .+ +\|$/gm)];
  return new Map(rows.map(([, name = '', type = '']) => [name, type]));
};

test('docs/operations.md has every metric, with its type', async () => {
  const table = await readTable();
  const text = await create().read();
  expect([...table.keys()].sort()).toEqual([...create().names()].sort());
  for (const [name, type] of table) expect(text).toContain(`# TYPE ${name} ${type}\n`);
});

test('the alerts of docs/operations.md ask for metrics that there are', async () => {
  const page = await readFile(join(import.meta.dirname, '../../../docs/operations.md'), 'utf8');
  const asked = [...page.matchAll(/^ +expr: (.+)$/gm)].flatMap(([, expression = '']) =>
    expression.match(/reachback_\w+/g),
  );
  const names: ReadonlySet<string> = new Set(create().names());
  expect(asked.length).toBeGreaterThan(5);
  expect(asked.filter((name) => !names.has((name ?? '').replace(/_bucket$/, '')))).toEqual([]);
});

describe('intake is counted once a batch', () => {
  test('by kind, from the packed contacts', async () => {
    const metrics = create();
    const contact = (code: number) => Buffer.from([code, 0, 0, 1, 0, 0]);
    const { heartbeat, poll } = contactCodes;
    const chunks = [
      { at: 0, count: 3, data: Buffer.concat([heartbeat, heartbeat, poll].map(contact)) },
      { at: 0, count: 1, data: contact(heartbeat) },
    ];
    metrics.intake.committed({ lane: 2, messages: 6, chunks, seconds: 0.03 });
    const seen = parseMetrics(await metrics.read());
    expect(seen.by('reachback_contacts_total', 'kind')).toEqual({ heartbeat: 3, poll: 1 });
    expect(seen.value('reachback_intake_batch_messages_sum', { lane: '2' })).toBe(6);
    expect(seen.value('reachback_intake_batch_duration_seconds_bucket', { lane: '2', le: '0.05' })).toBe(1);
    expect(seen.value('reachback_intake_batch_duration_seconds_bucket', { lane: '2', le: '0.025' })).toBe(0);
  });

  test('what a lane is doing is looked at when somebody asks; who lost it shows nothing old', async () => {
    const metrics = create();
    const statuses = { Online: 1, Offline: 2, 'Unreachable/Online': 3, 'Unreachable/Offline': 4 };
    const owning = {
      name: 'owning',
      term: 7n,
      lagSeconds: () => 0.25,
      backlog: () => 12,
      countStatuses: () => statuses,
    } as const;
    let state: typeof owning | { readonly name: 'standing-by' } = owning;
    metrics.watch.lanes(() => new Map([[1, state]]));
    const before = parseMetrics(await metrics.read());
    expect(before.by('reachback_clients', 'status')).toEqual(statuses);
    expect(before.value('reachback_intake_lag_seconds', { lane: '1' })).toBe(0.25);
    expect(before.value('reachback_intake_backlog_messages', { lane: '1' })).toBe(12);
    expect(before.value('reachback_intake_term', { lane: '1' })).toBe(7);
    state = { name: 'standing-by' };
    const after = parseMetrics(await metrics.read());
    expect(after.value('reachback_intake_lag_seconds')).toBeUndefined();
    expect(after.by('reachback_clients', 'status')).toEqual({});
    expect(after.by('reachback_intake_state', 'state')).toEqual({
      starting: 0,
      recovering: 0,
      disk_full: 0,
      owning: 0,
      'standing-by': 1,
    });
  });
});

describe('what is stored', () => {
  const stored: Storage = {
    total: 1_000,
    contacts: { bytes: 600, days: [], oldestAt: null, bytesPerContact: null },
    facts: { bytes: 300 },
    tables: [],
    wal: null,
    perDay: { contacts: 60, facts: null },
  };
  const look = async (metrics: Metrics) => {
    const seen = parseMetrics(await metrics.read());
    return [seen.by('reachback_storage_bytes', 'part'), seen.by('reachback_storage_added_bytes', 'part')];
  };

  test('is read once a minute, however often somebody asks, and by several at once', async () => {
    const metrics = create();
    let reads = 0;
    metrics.watch.storage(async () => ({ ...stored, total: 1_000 + reads++ }));
    const expected = [{ contacts: 600, facts: 300, other: 100 }, { contacts: 60 }];
    expect(await Promise.all([look(metrics), look(metrics)])).toEqual([expected, expected]);
    expect(await look(metrics)).toEqual(expected);
    expect(reads).toBe(1);
  });

  test('is not shown while it cannot be read, and is tried again by the next who asks', async () => {
    const metrics = create();
    let isAway = true;
    metrics.watch.storage(async () => {
      if (isAway) throw new Error('away');
      return { ...stored, wal: 50, perDay: { contacts: 60, facts: 30 } };
    });
    expect(await look(metrics)).toEqual([{}, {}]);
    isAway = false;
    const parts = { contacts: 600, facts: 300, other: 100, wal: 50 };
    expect(await look(metrics)).toEqual([parts, { contacts: 60, facts: 30 }]);
  });
});

describe('what another thread counts', () => {
  const beats = (count: number) => ({ lane: 0, messages: count, chunks: [], seconds: 0.01 });
  const threads = () => [create(), createMetrics({ version: '1.2.3', roles: [], isWholeProcess: false })] as const;

  test('is added, and what is true of each is true of both', async () => {
    const [first, second] = threads();
    first.watch.thread(second.values);
    first.intake.committed(beats(2));
    second.intake.committed(beats(3));
    const text = await first.read();
    const seen = parseMetrics(text);
    expect(seen.value('reachback_intake_batch_messages_sum', { lane: '0' })).toBe(5);
    expect(seen.value('reachback_intake_batch_messages_bucket', { lane: '0', le: '1' })).toBe(0);
    expect(seen.value('reachback_intake_batch_messages_bucket', { lane: '0', le: '10' })).toBe(2);
    expect(seen.value('reachback_info', { version: '1.2.3' })).toBe(1);
    expect(seen.value('process_resident_memory_bytes')).toBeLessThan(2 * process.memoryUsage.rss());
    expect(text.match(/^# TYPE reachback_info /gm)).toHaveLength(1);
  });

  test('stays when it does not answer, for counters never fall', async () => {
    const [first, second] = threads();
    let isBusy = false;
    first.watch.thread(() => (isBusy ? Promise.reject(new Error('busy')) : second.values()));
    second.intake.committed(beats(3));
    const sum = async () =>
      parseMetrics(await first.read()).value('reachback_intake_batch_messages_sum', { lane: '0' });
    expect(await sum()).toBe(3);
    isBusy = true;
    expect(await sum()).toBe(3);
  });
});

test('without broker and database it answers, and says that they are away', async () => {
  const seen = parseMetrics(await create().read());
  expect(seen.value('reachback_nats_connected')).toBe(0);
  expect(seen.value('reachback_postgres_up')).toBe(0);
});

test('the parser of these tests refuses what is not of the format', () => {
  expect(() => parseMetrics('reachback_x 1\n')).toThrow('no type');
  expect(() => parseMetrics('# TYPE x counter\nx{a=1} 1\n')).toThrow('not a sample');
  expect(() => parseMetrics('# TYPE x counter\nx one\n')).toThrow('not a sample');
  expect(() => parseMetrics('# TYPE x counter\nx 1')).toThrow('does not end');
  expect(parseMetrics('# TYPE x counter\nx{a="1\\"}",b="2"} 1\n').value('x', { a: '1\\"}', b: '2' })).toBe(1);
});
