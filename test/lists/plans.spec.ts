import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { noteTestProcess, startTestNats, type TestServer } from '#embedded';
import type { TestDatabase } from '../helpers/database.js';
import { restClient, type RestClient } from '../helpers/rest.js';
import type { Sent, Started } from './api-main.js';
import { rowsRead, scannedBy } from './explain.js';
import { requests } from './requests.js';
import { clients, openSeededDatabase, releaseId } from './seed.js';

const main = join(import.meta.dirname, '../../dist/test/lists/api-main.js');
const key = 'test-administrator-key';
describe('what the API asks Postgres, in a large fleet', () => {
  let database: TestDatabase;
  let broker: TestServer;
  let api: ChildProcess;
  let address: string;
  let rest: RestClient;

  beforeAll(async () => {
    database = await openSeededDatabase();
    broker = await startTestNats();
    api = fork(main, [database.url, broker.url, key], { serialization: 'advanced', execArgv: [] });
    const started = nextMessage<Started>();
    await noteTestProcess(api.pid, main);
    const { port } = await started;
    address = `http://127.0.0.1:${port}`;
    rest = restClient({ url: address, key });
  }, 240_000);

  afterAll(async () => {
    api.disconnect();
    await once(api, 'exit');
    await broker.stop();
    await database.close();
  });

  const nextMessage = async <T>(): Promise<T> => {
    const [message] = (await once(api, 'message')) as [T];
    return message;
  };

  const takeSent = async (): Promise<readonly Sent[]> => {
    api.send('take');
    return nextMessage<readonly Sent[]>();
  };

  /** Metrics are text; what is JSON may have a next page. */
  const ask = async (path: string): Promise<string | null | undefined> => {
    const answer = await fetch(address + path, { headers: { authorization: `Bearer ${key}` } });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`GET ${path} answered ${answer.status}: ${text}`);
    if (!answer.headers.get('content-type')?.includes('json')) return null;
    return (JSON.parse(text) as { nextCursor?: string | null }).nextCursor;
  };

  /** Asks, for the next page too, and says what was read from end to end for it. */
  const scansOf = async (path: string): Promise<readonly string[]> => {
    const nextCursor = await ask(path);
    const next = new URL(path, 'http://api');
    next.searchParams.set(path.startsWith('/v1/events') ? 'after' : 'cursor', nextCursor ?? '');
    if (nextCursor) await ask(next.pathname + next.search);
    const scans: string[] = [];
    for (const statement of await takeSent()) {
      const tables = await scannedBy(database.db, statement);
      if (tables.length > 0) scans.push(`${path} scans ${tables.join()}: ${statement.query}`);
    }
    return scans;
  };

  test('every GET route has its requests here', async () => {
    const { paths } = await rest.get<{ paths: Record<string, Record<string, unknown>> }>('/openapi.json');
    const routes = Object.keys(paths).filter((path) => 'get' in (paths[path] ?? {}));
    expect(routes.sort()).toEqual(Object.keys(requests).sort());
  });

  test.each(Object.keys(requests))(
    '%s reads no big table from end to end',
    async (route) => {
      const scans: string[] = [];
      for (const path of requests[route] ?? []) scans.push(...(await scansOf(path)));
      expect(scans).toEqual([]);
    },
    240_000,
  );

  /** Of all that was sent for a request. */
  const sum = async (path: string, count: (sent: Sent) => Promise<number>): Promise<number> => {
    await takeSent();
    await ask(path);
    const counts: number[] = [];
    for (const statement of await takeSent()) counts.push(await count(statement));
    return counts.reduce((all, one) => all + one, 0);
  };

  test('by status, clients of a group with one are read from the group, not in the order of statuses', async () => {
    const path = '/v1/clients?group=site-5&label=os:linux&status=Online&sort=-status';
    const read = await sum(path, (sent) => rowsRead(database.db, sent, 'presence'));
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan(clients / 40);
  }, 240_000);

  test('G10: of the cohorts, none but those that stand so with a release are looked up', async () => {
    const [row] = await database.db<{ all: number; failed: number }[]>`
      SELECT count(*)::integer AS all, (count(*) FILTER (WHERE state = 'failed'))::integer AS failed
      FROM cohorts_standing(${releaseId})`;
    const lookedUp = (state: string) =>
      sum(`/v1/releases/${releaseId}/clients?state=${state}`, (sent) => rowsRead(database.db, sent, 'cohort'));
    expect(await lookedUp('expired')).toBe(0);
    expect(await lookedUp('failed')).toBe(row?.failed);
    expect(row?.failed).toBeLessThan(row?.all ?? 0);
  }, 240_000);

  test.each(['id', 'status'])(
    'by %s, where Postgres knows of one status only, the order of all is not gone through for another one',
    async (sort) => {
      await database.db`UPDATE presence SET status = 'Unreachable/Online', network_name = 'nat-1'`;
      await database.db`VACUUM ANALYZE presence`;
      const read = await sum(`/v1/clients?network=nat-1&sort=${sort}`, (sent) =>
        rowsRead(database.db, sent, 'presence'),
      );
      expect(read).toBeGreaterThan(0);
      expect(read).toBeLessThan(clients / 8);
    },
    240_000,
  );

  test('a scan would be seen', async () => {
    const statement = { query: 'SELECT count(*) FROM client WHERE agent_version = $1', parameters: ['1.0.0'] };
    expect(await scannedBy(database.db, statement)).toEqual(['client']);
  });
});
