import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../helpers/conditions.js';
import { startSystem, type System } from '../helpers/system.js';

const page = join(import.meta.dirname, '../../docs/agent-protocol.md');

let system: System;
const agents: ChildProcess[] = [];

beforeAll(async () => {
  system = await startSystem();
  await system.rest.send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/8'] }]);
  const policy = { heartbeat: { interval: 'PT1S' }, poll: { interval: 'PT3S' }, offlineAfter: 'PT3S' };
  await system.rest.send('PATCH', '/v1/settings', { reachback: policy });
});
afterAll(async () => {
  for (const agent of agents) await end(agent);
  await system.stop();
});

const end = async (agent: ChildProcess): Promise<void> => {
  if (agent.exitCode !== null || agent.signalCode !== null) return;
  agent.kill('SIGKILL');
  await once(agent, 'exit');
};

/** Runs the page's example in a language, as it is printed. */
const runExample = async (id: string, language: 'bash' | 'python', program: string, flag: string) => {
  const [, code = ''] = new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(await readFile(page, 'utf8')) ?? [];
  const env = { ...process.env, ID: id, PORT: String(system.broker.port) };
  const agent = spawn(program, [flag, code], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  agents.push(agent);
  return agent;
};

test('the example in the shell is a client that is online until it ends', async () => {
  const agent = await runExample('sh-1', 'bash', 'bash', '-c');
  await until(
    () => system.client('sh-1'),
    ({ lastHeartbeatAt, lastPollAt }) => lastHeartbeatAt !== null && lastPollAt !== null,
  );
  expect((await system.client('sh-1')).status).toBe('Unreachable/Online');
  await end(agent);
  expect((await system.untilStatus('sh-1', 'Unreachable/Offline')).cause).toBe('silence');
});

const hasPython = spawnSync('python3', ['--version']).status === 0;

(hasPython ? test : test.skip)(
  'the example in Python stays online, takes what there is and acknowledges it',
  async () => {
    await runExample('py-1', 'python', 'python3', '-c');
    await system.untilStatus('py-1', 'Unreachable/Online');
    await system.rest.send('PATCH', '/v1/clients/py-1/settings', { scan: { schedule: 'daily' } });
    await system.rest.send('POST', '/v1/components/scan-engine/releases', {
      version: '9.2',
      url: 'https://updates.example/scan-engine-9.2',
      sha256: 'a'.repeat(64),
      size: 1,
      target: { clients: ['py-1'] },
    });
    await until(
      () => system.client('py-1'),
      ({ undelivered, installed }) => undelivered === 0 && installed['scan-engine'] === '9.2',
    );
    const { items } = await system.rest.get<{ items: { cause: string }[] }>('/v1/clients/py-1/history');
    expect(items.map(({ cause }) => cause)).toEqual(['registered']);
  },
);
