import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { startTestNats, type TestServer } from '#embedded';
import { openTestDatabase, type TestDatabase } from '../helpers/database.js';
import { restClient, type RestClient } from '../helpers/rest.js';
import type { Sent, Started } from './api-main.js';
import { scannedBy } from './explain.js';
import { requests } from './requests.js';
import { seedLists } from './seed.js';

const main = join(import.meta.dirname, '../../dist/test/lists/api-main.js');
const key = 'test-administrator-key';
/** How many clients have a part in their name, or a label that few have, is counted one by one (ADR 0008). */
const isCountedOneByOne = (path: string, { query }: Sent): boolean =>
  /[?&](q|label)=/.test(path) && query.startsWith('select count(*) from "client"');

describe('what the API asks Postgres, in a large fleet', () => {
  let database: TestDatabase;
  let broker: TestServer;
  let api: ChildProcess;
  let rest: RestClient;

  beforeAll(async () => {
    database = await openTestDatabase();
    await seedLists(database.db);
    broker = await startTestNats();
    api = fork(main, [database.url, broker.url, key], { serialization: 'advanced', execArgv: [] });
    const { port } = await nextMessage<Started>();
    rest = restClient({ url: `http://127.0.0.1:${port}`, key });
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

  /** Asks, for the next page too, and says what was read from end to end for it. */
  const scansOf = async (path: string): Promise<readonly string[]> => {
    const { nextCursor } = await rest.get<{ nextCursor?: string | null }>(path);
    const next = new URL(path, 'http://api');
    next.searchParams.set(path.startsWith('/v1/events') ? 'after' : 'cursor', nextCursor ?? '');
    if (nextCursor) await rest.get(next.pathname + next.search);
    const scans: string[] = [];
    for (const statement of await takeSent()) {
      if (isCountedOneByOne(path, statement)) continue;
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

  test('a scan would be seen', async () => {
    const statement = { query: 'SELECT count(*) FROM client WHERE agent_version = $1', parameters: ['1.0.0'] };
    expect(await scannedBy(database.db, statement)).toEqual(['client']);
  });
});
