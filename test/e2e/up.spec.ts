import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { connect, credsAuthenticator } from '@nats-io/transport-node';
import { issueAgentCredentials, loadAuthority } from '#identity';
import { startAgentProcess } from '../helpers/agent-process.js';
import { until } from '../helpers/conditions.js';
import { inParallelPorts, processesOf, type UpFolder, upFolder } from '../helpers/up-process.js';

const nobody = 65_534;
const isRoot = process.getuid?.() === 0;

let folder: string;
let start: UpFolder['start'];
let untilReady: UpFolder['untilReady'];
let end: UpFolder['end'];

beforeEach(async () => {
  ({ folder, start, untilReady, end } = await upFolder());
});
afterEach(() => end());

/** What an agent is given by who holds the keys. */
const credentialsOf = async (clientId: string) => {
  const authority = await loadAuthority(join(folder, 'data', 'nats', 'keys'), 1);
  if (!authority) throw new Error('there are no keys');
  const credentials = issueAgentCredentials(authority, { clientId, expiresAt: new Date(Date.now() + 60_000) });
  return {
    authenticator: credsAuthenticator(new TextEncoder().encode(credentials)),
    inboxPrefix: `_INBOX.${clientId}`,
  };
};

const registerAs = async (clientId: string, servers: string, who: object) => {
  const nats = await connect({ servers, ...who });
  await nats.request(`reachback.v1.${clientId}.register`, '{"name":"PC 17"}', { timeout: 5_000 });
  await nats.close();
};

describe('npm run up', () => {
  test('is ready, keeps its key to itself, and finds all data at the next start', async () => {
    const ports = await inParallelPorts();
    const first = start(ports);
    const { rest, natsUrl, url } = await untilReady(first);
    expect(url).toBe(`http://127.0.0.1:${ports.REACHBACK_HTTP_PORT}`);
    expect((await stat(join(folder, 'data', 'admin-key'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'data', 'nats', 'keys'))).mode & 0o777).toBe(0o700);
    await expect(connect({ servers: natsUrl, reconnect: false })).rejects.toThrow(/authorization/i);
    await registerAs('pc-17', natsUrl, await credentialsOf('pc-17'));
    first.process.kill('SIGINT');
    expect(await first.exited).toBe(0);
    expect(await processesOf(folder)).toEqual([]);
    const again = await untilReady(start(ports));
    expect(await again.rest.get('/v1/clients/pc-17')).toMatchObject({ name: 'PC 17', status: 'Online' });
    expect((await rest.send('GET', '/v1/fleet')).status).toBe(200);
  });

  test('says how the first agent enrols, until it has; the agent then needs no token', async () => {
    const ports = await inParallelPorts();
    const first = start(ports);
    const { rest, natsUrl } = await untilReady(first);
    const file = await until(() => /--enrol-file (\S+)/.exec(first.output())?.[1]);
    expect((await stat(file ?? '')).mode & 0o777).toBe(0o600);
    const args = ['--id', 'pc-17', '--server', natsUrl, '--state', join(folder, 'agents')];
    const enrolling = startAgentProcess([...args, '--enrol-file', file ?? '']);
    await until(() => enrolling.output().includes('enrolled'));
    await until(() => rest.get('/v1/clients/pc-17'));
    await enrolling.end('SIGINT');
    expect((await stat(join(folder, 'agents/pc-17/agent.creds'))).mode & 0o777).toBe(0o600);
    first.process.kill('SIGINT');
    await first.exited;
    const second = start(ports);
    await untilReady(second);
    await until(() => second.output().includes('Logs: '));
    expect(second.output()).not.toContain('--enrol-file');
    const agent = startAgentProcess(args);
    await until(() => agent.output().includes('start: '));
    await agent.end('SIGINT');
  });

  test('--open asks nobody who he is, says so, and what was there goes on when agents are asked', async () => {
    const ports = await inParallelPorts();
    const open = start(ports, ['--open']);
    const { natsUrl } = await untilReady(open);
    expect(open.output()).toContain('OPEN: the broker asks nobody who he is');
    await registerAs('pc-17', natsUrl, {});
    open.process.kill('SIGINT');
    await open.exited;
    const { rest } = await untilReady(start(ports));
    await registerAs('pc-17', natsUrl, await credentialsOf('pc-17'));
    expect(await rest.get('/v1/clients/pc-17')).toMatchObject({ status: 'Online' });
    const { items } = await rest.get<{ items: { data: { reason: string } }[] }>('/v1/events?type=lane-source-reset');
    expect(items.map(({ data }) => data.reason)).toEqual(['created']);
  });

  test.each([
    [{ REACHBACK_HTTP_HOST: '0.0.0.0' }, '0.0.0.0 can be reached by others'],
    [{ REACHBACK_NATS_URL: 'nats://broker.example:4222' }, 'broker.example can be reached by others'],
    [{ REACHBACK_NATS_KEYS: '/keys' }, 'exclude each other'],
  ])('--open is refused with %j', async (env, said) => {
    const up = start(env, ['--open']);
    expect(await up.exited).toBe(1);
    expect(up.output()).toContain(said);
  });

  test('a broker of one’s own without keys is refused', async () => {
    const up = start({ REACHBACK_NATS_URL: 'nats://127.0.0.1:4222' });
    expect(await up.exited).toBe(1);
    expect(up.output()).toContain('REACHBACK_NATS_KEYS');
  });

  test('a second one on the same data folder is refused', async () => {
    await untilReady(start(await inParallelPorts()));
    const second = start();
    expect(await second.exited).toBe(1);
    expect(second.output()).toContain('Reachback is running already on the data folder');
  });

  test('ports that are taken are passed over and said; one asked for by name is an error', async () => {
    const taken = await Promise.all(
      [8080, 4222, 5432].map(async (port) => {
        const server = createServer();
        await new Promise<void>((resolve) => server.once('error', () => resolve()).listen(port, '127.0.0.1', resolve));
        return server;
      }),
    );
    const up = start();
    const { url } = await untilReady(up);
    expect(url).not.toContain(':8080');
    expect(up.output()).toContain('(8080 is taken), agents nats://127.0.0.1:');
    expect(up.output()).toContain('(4222 is taken)');
    expect(up.output()).toMatch(/Database: postgres:\/\/reachback@127\.0\.0\.1:(?!5432)\d+\/reachback \(password in /);
    const other = start({ REACHBACK_DATA: join(folder, 'other'), REACHBACK_NATS_PORT: '4222' });
    expect(await other.exited).toBe(1);
    expect(other.output()).toContain('Port 4222 (REACHBACK_NATS_PORT) is taken');
    for (const server of taken) server.close();
  });

  test('a broker, a database or a server that dies is started again, and that is said', async () => {
    const up = start(await inParallelPorts());
    const { rest } = await untilReady(up);
    for (const [name, pidFile] of [
      ['NATS', 'nats/nats.pid'],
      ['Postgres', 'postgres/data/postmaster.pid'],
      ['the server', 'logs/server.pid'],
    ] as const) {
      process.kill(Number.parseInt(await readFile(join(folder, 'data', pidFile), 'utf8'), 10), 'SIGKILL');
      await until(up.output, (text) => text.includes(`${name} died (SIGKILL)`) && text.includes(`${name} is back`));
      await until(() => rest.get('/readyz'));
    }
  });

  test('a second Ctrl-C ends at once what does not stop, and all that would have followed', async () => {
    const up = start(await inParallelPorts());
    await untilReady(up);
    const server = Number.parseInt(await readFile(join(folder, 'data', 'logs', 'server.pid'), 'utf8'), 10);
    process.kill(server, 'SIGSTOP');
    up.process.kill('SIGINT');
    await until(() => up.output().includes('Ctrl-C: stopping'));
    up.process.kill('SIGINT');
    expect(await up.exited).toBe(130);
    await until(
      () => processesOf(folder),
      (left) => left.length === 0,
    );
  });

  test('what it leaves behind when it is killed does not stop the next one', async () => {
    const ports = await inParallelPorts();
    const first = start(ports);
    await untilReady(first);
    first.process.kill('SIGKILL');
    await first.exited;
    await untilReady(start(ports));
  });

  test('a data folder that cannot be used is a clear error', async () => {
    await writeFile(join(folder, 'file'), '');
    const up = start({ REACHBACK_DATA: join(folder, 'file', 'data') });
    expect(await up.exited).toBe(1);
    expect(up.output()).toContain('Set REACHBACK_DATA');
  });

  (isRoot ? test : test.skip)('works as an ordinary user too', async () => {
    await chmod(folder, 0o777);
    const data = join(folder, 'data');
    const { rest } = await untilReady(start({ ...(await inParallelPorts()), REACHBACK_DATA: data }, [], nobody));
    expect(await rest.get('/v1/fleet')).toMatchObject({ total: 0 });
    expect((await stat(data)).uid).toBe(nobody);
  });

  test('with --demo a fleet is there', async () => {
    const { rest } = await untilReady(start(await inParallelPorts(), ['--demo', '25']));
    await until(
      () => rest.get<{ byStatus: Record<string, number> }>('/v1/fleet'),
      ({ byStatus }) => byStatus['Unreachable/Online'] === 25,
    );
  });
});
