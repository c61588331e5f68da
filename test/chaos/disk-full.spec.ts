import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import type { CheckState, ErrorReply, Readiness } from '#contracts';
import { startTestPostgres, type TestServer } from '#embedded';
import { type Beating, startBeating } from '../helpers/beating.js';
import { until } from '../helpers/conditions.js';
import { type LogReader, openLog } from '../helpers/log.js';
import { mountSmallDisk } from '../helpers/small-disk.js';
import { startSystem, type System } from '../helpers/system.js';

const disk = await mountSmallDisk(256);
const ids = Array.from({ length: 50 }, (_, i) => `beating-${i}`);
/** Beats that the broker is to take while the database takes nothing. */
const backlog = 1_500;

if ('why' in disk) {
  test.skip(`G1 G7 a full disk (skipped: ${disk.why})`, () => undefined);
} else {
  describe('G1 G7 a full disk stops intake, and loses nothing that the broker holds', () => {
    let database: TestServer;
    let system: System;
    let log: LogReader;
    let beating: Beating;

    beforeAll(async () => {
      const small = ['shared_buffers=16MB', 'min_wal_size=32MB', 'max_wal_size=48MB'];
      database = await startTestPostgres({ within: disk.folder, settings: small });
      system = await startSystem({ databaseUrl: database.url });
      log = openLog(database.url);
      await system.rest.send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/8'] }]);
      const policy = { heartbeat: { interval: 'PT1S' }, poll: { interval: 'PT3S' }, offlineAfter: 'PT4S' };
      await system.rest.send('PATCH', '/v1/settings', { reachback: policy });
      await Promise.all(ids.map((id) => system.request(id, 'register', { ips: ['10.0.0.1'] })));
      beating = startBeating(system.nats, { ids, interval: 200 });
    }, 60_000);
    afterAll(async () => {
      await beating.stop();
      await log.end();
      await system.stop();
      await database.stop();
      await disk.unmount();
    });

    const total = () => [...beating.stored.values()].reduce((sum, count) => sum + count, 0);
    const states = async (): Promise<Readonly<Record<string, CheckState>>> => {
      const { checks } = (await system.rest.send<Readiness>('GET', '/readyz')).body;
      return Object.fromEntries(Object.entries(checks).map(([name, { state }]) => [name, state]));
    };
    const untilMoreStored = async () => {
      const enough = total() + backlog;
      await until(total, (count) => count >= enough);
    };
    /** Everything that the broker said it had stored is in the log, once, and nobody was ever missed. */
    const expectAllThere = async () => {
      await until(() => system.rest.get('/readyz'), Boolean, { seconds: 60 });
      await beating.stop();
      const logged = await until(
        () => log.contacts('heartbeat'),
        (contacts) => sumOf(contacts) >= total(),
      );
      expect(Object.fromEntries(logged)).toEqual(Object.fromEntries(beating.stored));
      expect(await log.gaps()).toBe(0);
      const causes = [...(await log.transitions()).values()].flat().map(({ cause }) => cause);
      expect(new Set(causes)).toEqual(new Set(['registered']));
    };

    test('where the contacts go: it says so, goes on by itself when there is room, and everything is there once', async () => {
      await disk.fill();
      await until(states, ({ intake }) => intake === 'disk_full', { seconds: 60 });
      expect(await states()).toMatchObject({ database: 'up', broker: 'up', intake: 'disk_full' });
      expect(system.server.log()).toContain('disk_full: the database has no room');

      const noise = () => randomBytes(20_000).toString('base64');
      const reply = await system.request<ErrorReply>('new', 'register', { installed: manyVersions() });
      expect(reply.error).toMatchObject({ code: 'disk_full' });
      expect(reply.error.retryAfterSeconds).toBeGreaterThan(0);
      const refused = await system.rest.send<{ code: string }>('PATCH', '/v1/settings', { noise: [noise(), noise()] });
      expect([refused.status, refused.body.code]).toEqual([507, 'disk_full']);
      expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0);
      expect((await system.rest.send('GET', '/v1/fleet')).status).toBe(200);

      await untilMoreStored();
      expect(await states()).toMatchObject({ intake: 'disk_full' });
      await disk.free();
      await expectAllThere();
      expect((await system.rest.send('PATCH', '/v1/settings', { noise: noise() })).status).toBe(200);
    }, 180_000);

    test('where Postgres writes ahead: it goes down, and when it is back with room everything is there once', async () => {
      beating = resume(beating);
      await disk.fill();
      await fillWriteAheadLog(database.url);
      await until(states, ({ database: state }) => state !== 'up', { seconds: 60 });
      await untilMoreStored();
      await database.kill();
      await disk.free();
      await database.start();
      await expectAllThere();
    }, 180_000);

    /** Beats again; the books go on. */
    const resume = (before: Beating): Beating => {
      const next = startBeating(system.nats, { ids, interval: 200 });
      return {
        get stored() {
          return new Map(ids.map((id) => [id, (before.stored.get(id) ?? 0) + (next.stored.get(id) ?? 0)]));
        },
        unheard: () => before.unheard() + next.unheard(),
        stop: next.stop,
      };
    };
  });
}

/** What no page with room left can hold. */
const manyVersions = () =>
  Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`component-${i}`, randomBytes(45).toString('base64')]));

const sumOf = (contacts: ReadonlyMap<string, number>): number =>
  [...contacts.values()].reduce((sum, count) => sum + count, 0);

/** Has Postgres begin one file of its write-ahead log after the other, until it finds no room for the next. */
const fillWriteAheadLog = async (url: string): Promise<void> => {
  const db = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    for (;;) {
      await db`SELECT pg_logical_emit_message(false, 'reachback', 'full')`;
      await db`SELECT pg_switch_wal()`;
    }
  } catch (error) {
    expect(error).toMatchObject({ code: expect.any(String) });
  } finally {
    await db.end({ timeout: 1 });
  }
};
