import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '#contracts';
import { anyFreePort } from '#embedded';
import { until } from '../helpers/conditions.js';
import { restClient, type RestClient } from '../helpers/rest.js';
import { makeToken } from '../helpers/secure-system.js';

const root = join(import.meta.dirname, '../..');

let folder: string;
let rest: RestClient;
let env: NodeJS.ProcessEnv;
const started: ChildProcess[] = [];

const start = (args: readonly string[]): { readonly child: ChildProcess; readonly output: () => string } => {
  let output = '';
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += String(data)));
  started.unshift(child);
  return { child, output: () => output };
};

const end = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
};

/** Node has it from version 22 on; before, one has to ask for it. */
const webSocket = typeof WebSocket === 'undefined' ? ['--experimental-websocket'] : [];

/** Runs a program of the page, as it is printed. */
const runProgram = async (name: string) => {
  const page = await readFile(join(root, 'docs/gateways.md'), 'utf8');
  const [, code = ''] = new RegExp(`\`\`\`js\n(// ${name}\n.*?)\`\`\``, 's').exec(page) ?? [];
  return start([...webSocket, '--input-type=module', '-e', code]);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reachback-test-gateways-'));
  const [http, nats, mqtt, ws] = [await anyFreePort(), await anyFreePort(), await anyFreePort(), await anyFreePort()];
  const data = join(folder, 'data');
  env = {
    PATH: process.env['PATH'],
    HOME: folder,
    REACHBACK_DATA: data,
    REACHBACK_HTTP_PORT: String(http),
    REACHBACK_NATS_PORT: String(nats),
    REACHBACK_WEBSOCKET_PORT: String(ws),
  };
  const up = start(['scripts/run.mjs', 'up', '--mqtt', String(mqtt)]);
  await until(up.output, (text) => text.includes('Administrator key'), { seconds: 90 });
  expect(up.output()).toContain(`Agents over MQTT: mqtt://127.0.0.1:${mqtt}\n`);
  expect(up.output()).toContain(`Agents over WebSocket: ws://127.0.0.1:${ws}\n`);
  const url = `http://127.0.0.1:${http}`;
  rest = restClient({ url, key: (await readFile(join(data, 'admin-key'), 'utf8')).trim() });
  await rest.send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/8'] }]);
  const policy = { heartbeat: { interval: 'PT1S' }, poll: { interval: 'PT3S' }, offlineAfter: 'PT3S' };
  await rest.send('PATCH', '/v1/settings', { reachback: policy });
  const { token } = await makeToken(rest, { uses: 2 });
  const addresses = { REACHBACK: url, MQTT: `mqtt://127.0.0.1:${mqtt}`, WS: `ws://127.0.0.1:${ws}` };
  env = { ...env, ...addresses, TOKEN: token, FILE: join(folder, 'sensor-1.json') };
}, 240_000);
afterAll(async () => {
  for (const child of started) await end(child, 'SIGINT');
  await rm(folder, { recursive: true, force: true });
});

const untilClient = (id: string, is: (client: Client) => boolean) =>
  until(() => rest.get<Client>(`/v1/clients/${id}`), is);

test('a device enrols, beats over MQTT, which counts, and says goodbye, as docs/gateways.md shows', async () => {
  const enrolling = await runProgram('enrol.mjs');
  await once(enrolling.child, 'exit');
  expect(enrolling.output()).toBe('approved\n');
  expect((await stat(join(folder, 'sensor-1.json'))).mode & 0o777).toBe(0o600);
  const device = await runProgram('device.mjs');
  await untilClient('sensor-1', ({ lastHeartbeatAt }) => lastHeartbeatAt !== null);
  expect(device.output()).toMatch(/^register \{"time".*\nrenew \{"jwt"/);
  await untilClient('sensor-1', ({ status }) => status === 'Unreachable/Online');
  await end(device.child, 'SIGTERM');
  const gone = await untilClient('sensor-1', ({ status }) => status === 'Unreachable/Offline');
  expect(gone?.cause).toBe('stopped');
  // With the password from the renewal.
  await runProgram('device.mjs');
  await untilClient('sensor-1', ({ status }) => status === 'Unreachable/Online');
});

test('an agent enrols and beats over WebSocket, as docs/gateways.md shows', async () => {
  const agent = await runProgram('websocket.mjs');
  await untilClient('ws-1', ({ lastHeartbeatAt }) => lastHeartbeatAt !== null);
  expect(agent.output()).toMatch(/^register \{"time"/);
  await end(agent.child, 'SIGKILL');
  const gone = await untilClient('ws-1', ({ status }) => status === 'Unreachable/Offline');
  expect(gone?.cause).toBe('silence');
});
