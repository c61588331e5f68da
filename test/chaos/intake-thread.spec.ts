import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { until } from '../helpers/conditions.js';
import { startSystem, type System } from '../helpers/system.js';

const breaker = pathToFileURL(join(import.meta.dirname, '../helpers/break-main.mjs')).href;

let system: System;
beforeAll(async () => {
  system = await startSystem({ nodeOptions: ['--import', breaker] });
});
afterAll(() => system.stop());

test('a thread of the intake that breaks ends its server; the next one goes on', async () => {
  const { server } = system;
  const exited = once(server.process, 'exit');
  server.process.send('break');
  expect((await exited)[0]).toBe(1);
  expect(server.log()).toContain('the intake is broken');
  await system.restart();
  await system.request('pc-1', 'register', { ips: ['192.0.2.1'] });
  await system.untilStatus('pc-1', 'Online');
});

test('a server that is told to stop lets its intake end first, and has nothing to say against it', async () => {
  await system.request('pc-1', 'heartbeat');
  const { server } = system;
  expect(await server.stop()).toBe(0);
  await system.restart();
  const [before] = await until(
    () => system.rest.get<{ items: readonly { id: string }[] }>('/v1/clients').then(({ items }) => items),
    (items) => items.length > 0,
  );
  expect(before?.id).toBe('pc-1');
  expect(server.log()).not.toContain('not left');
});

test('it ends while the broker is away as well', async () => {
  await system.broker.kill();
  expect(await system.server.stop()).toBe(0);
  await system.broker.start();
  await system.restart();
  await system.untilStatus('pc-1', 'Online');
});
