import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { startSystem, type System } from '../helpers/system.js';

const main = join(import.meta.dirname, '../../dist/conformance/main.js');

type Run = { readonly code: number; readonly output: string };
type Leftovers = { readonly fleet: { readonly total: number }; readonly networks: readonly object[] };

let system: System;

beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system.stop());

const conformance = (...args: readonly string[]): Promise<Run> => {
  const { url, key } = system.server;
  const command = [main, '--url', url, '--nats', system.broker.url, '--key', key, ...args];
  return new Promise((resolve) =>
    execFile(process.execPath, command, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: stdout + stderr }),
    ),
  );
};

test('the conformance suite passes, rule by rule, and leaves nothing behind', async () => {
  const networks = [{ name: 'paris-nat', ranges: ['10.0.0.0/8'] }];
  await system.rest.send('PUT', '/v1/networks', networks);
  const settings = await system.rest.get('/v1/settings');
  const { code, output } = await conformance();
  expect({ code, output }).toMatchObject({
    code: 0,
    output: expect.stringContaining('\n32 passed, 0 failed\n'),
  });
  const left: Leftovers = {
    fleet: await system.rest.get('/v1/fleet'),
    networks: await system.rest.get('/v1/networks'),
  };
  expect(left).toMatchObject({ fleet: { total: 0 }, networks });
  expect(await system.rest.get('/v1/settings')).toEqual(settings);
}, 180_000);

test('the conformance suite says by its exit code that it could not check anything', async () => {
  expect(await conformance('--rule', 'R99')).toMatchObject({ code: 2, output: expect.stringContaining('R1 to R20') });
  expect(await conformance('--key', 'wrong')).toMatchObject({ code: 2, output: expect.stringContaining('401') });
});
