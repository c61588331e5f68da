import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect, nkeys } from '@nats-io/transport-node';
import { execFile } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { anyFreePort, type Issued, issueCertificate, makeAuthority, renewLocalCertificate } from '#embedded';
import { webRequest } from '#tls';
import { startAgentProcess } from '../helpers/agent-process.js';
import { until } from '../helpers/conditions.js';
import { connectMqtt, makeSecret } from '../helpers/mqtt.js';
import { brokersToTry } from '../helpers/secure-broker.js';
import { makeToken } from '../helpers/secure-system.js';
import { servedByBroker, servedOverHttps } from '../helpers/served.js';
import { inParallelPorts, type Up, type UpFolder, upFolder, type UpReady } from '../helpers/up-process.js';

const policy = { heartbeat: { scope: 'all', interval: 'PT1S' }, poll: { interval: 'PT2S' }, offlineAfter: 'PT1M' };

/** The broker that `up` finds first. */
const pathWith = (program: string | undefined): string =>
  [...(program ? [dirname(program)] : []), process.env['PATH']].join(delimiter);

describe.each(brokersToTry)('up --tls, with %s', (_, program) => {
  let dir: UpFolder;
  let up: Up;
  let ready: UpReady;
  let ca: string;
  let mqttPort: number;
  let webSocketPort: number;

  beforeAll(async () => {
    dir = await upFolder();
    [mqttPort, webSocketPort] = [await anyFreePort(), await anyFreePort()];
    const gateways = ['--mqtt', String(mqttPort), '--websocket', String(webSocketPort)];
    up = dir.start({ ...(await inParallelPorts()), PATH: pathWith(program) }, ['--tls', '--demo', '5', ...gateways]);
    ready = await dir.untilReady(up);
    ca = join(dir.data, 'tls', 'ca.pem');
    await until(() => up.output().includes('Logs: '));
  });
  afterAll(() => dir.end());

  const agentArgs = () => ['--id', 'pc-17', '--server', ready.natsUrl, '--state', join(dir.folder, 'agents')];

  test('serves REST to who trusts its authority, and to nobody without TLS; keys are for their owner alone', async () => {
    const { url } = ready;
    expect(url).toMatch(/^https:/);
    const authority = await readFile(ca, 'utf8');
    const answer = await webRequest(`${url}/healthz`, { ca: authority });
    expect([answer.status, answer.headers.get('strict-transport-security')]).toEqual([200, 'max-age=31536000']);
    const asLocalhost = await webRequest(`${url.replace('127.0.0.1', 'localhost')}/healthz`, { ca: authority });
    expect([asLocalhost.status, asLocalhost.headers.get('strict-transport-security')]).toEqual([200, null]);
    await expect(webRequest(`${url}/healthz`)).rejects.toThrow(/certificate/);
    await expect(webRequest(`${url}/healthz`, { ca: (await makeAuthority()).cert })).rejects.toThrow(/certificate/);
    await expect(fetch(`${url.replace('https', 'http')}/healthz`)).rejects.toThrow();
    for (const file of ['ca-key.pem', 'key.pem'])
      expect((await stat(join(dir.data, 'tls', file))).mode & 0o777).toBe(0o600);
  });

  test('lets no agent in that does not trust its authority, and tells it what to do', async () => {
    const stranger = startAgentProcess([...agentArgs(), '--enrol-file', join(dir.data, 'first-token')]);
    expect(await stranger.exited).toBe(1);
    expect(stranger.output()).toContain('The broker is not trusted');
    await expect(connect({ servers: ready.natsUrl, reconnect: false, timeout: 20_000 })).rejects.toThrow(/certificate/);
  });

  test('tells how the first agent enrols: it is online, and needs neither token nor authority again', async () => {
    await ready.rest.send('PATCH', '/v1/settings', { reachback: policy });
    expect(up.output()).toContain(`--server ${ready.natsUrl} --ca ${ca} --enrol-file `);
    const first = startAgentProcess([...agentArgs(), '--ca', ca, '--enrol-file', join(dir.data, 'first-token')]);
    await until(() => ready.rest.get('/v1/clients/pc-17'));
    await first.end('SIGTERM');
    expect(await readFile(join(dir.folder, 'agents/pc-17/ca.pem'), 'utf8')).toBe(await readFile(ca, 'utf8'));
    const again = startAgentProcess(agentArgs());
    await until(() => again.output().includes('start: '));
    expect(await ready.rest.get('/v1/clients/pc-17')).toMatchObject({ status: 'Online' });
    await again.end('SIGTERM');
  });

  test('another certificate is served by REST and broker without a restart, and no agent is offline for it', async () => {
    const agent = startAgentProcess(agentArgs());
    await until(() => agent.output().includes('heartbeat'));
    const served = () => Promise.all([servedOverHttps(ready.url), servedByBroker(ready.natsUrl)]);
    const [before] = await served();
    expect(await served()).toEqual([before, before]);
    await renewLocalCertificate(join(dir.data, 'tls'));
    const now = await until(served, ([http, broker]) => http !== before && http === broker);
    expect(up.output()).toContain('Another certificate is served from now on');
    expect(up.output()).not.toMatch(/(NATS|the server) died/);
    const changedAt = new Date().toISOString();
    await until(
      () => ready.rest.get<{ lastHeartbeatAt: string }>('/v1/clients/pc-17'),
      ({ lastHeartbeatAt }) => lastHeartbeatAt > changedAt,
    );
    const { items } = await ready.rest.get<{ items: { status: string }[] }>('/v1/clients/pc-17/history');
    expect(items.map(({ status }) => status)).not.toContain('Offline');
    // The broker of Debian 12 ends all connections when it reads its certificate again; a current one none.
    if (program !== undefined) expect(agent.output()).not.toContain('the broker is away');

    await writeFile(join(dir.data, 'tls', 'cert.pem'), 'no certificate');
    await until(() => up.output().includes('cert.pem is no certificate in PEM'));
    await until(async () =>
      (await readFile(join(dir.data, 'logs', 'server.log'), 'utf8')).includes('the one before stays'),
    );
    expect(await served()).toEqual([...now]);
    await renewLocalCertificate(join(dir.data, 'tls'));
    await until(served, ([http, broker]) => http !== now[0] && http === broker);
    await agent.end('SIGTERM');
  });

  test('who is revoked stays out over another certificate, and who was connected before it is cut off after it', async () => {
    const argsOf = (id: string) => ['--id', id, ...agentArgs().slice(2), '--ca', ca];
    const enrolled = async (id: string) => {
      const file = join(dir.folder, `token-${id}`);
      await writeFile(file, (await makeToken(ready.rest)).token, { mode: 0o600 });
      const agent = startAgentProcess([...argsOf(id), '--enrol-file', file]);
      await until(() => agent.output().includes('heartbeat'));
      return agent;
    };
    const revoke = (id: string) => ready.rest.send('POST', `/v1/clients/${id}/credentials/revoke`);
    const contactOf = async (id: string) =>
      (await ready.rest.get<{ lastContactAt: string }>(`/v1/clients/${id}`)).lastContactAt;
    const isOut = 'takes this credential no longer';
    const [before, after] = [await enrolled('before'), await enrolled('after')];
    expect(await revoke('before')).toMatchObject({ status: 200, body: { inEffect: true } });
    await until(() => before.output().includes(isOut));
    const last = await contactOf('before');

    const old = await servedByBroker(ready.natsUrl);
    await renewLocalCertificate(join(dir.data, 'tls'));
    await until(
      () => servedByBroker(ready.natsUrl),
      (serial) => serial !== old,
    );
    const again = startAgentProcess(argsOf('before'));
    expect(await again.exited).toBe(1);
    expect(again.output()).toContain('revoked');
    const changedAt = new Date().toISOString();
    await until(
      () => contactOf('after'),
      (at) => at > changedAt,
    );
    expect(await contactOf('before')).toBe(last);
    expect(await revoke('after')).toMatchObject({ status: 200, body: { inEffect: true } });
    await until(() => after.output().includes(isOut));
    for (const agent of [before, after]) await agent.end('SIGTERM');
  });

  describe('over the gateways', () => {
    const enrol = async (body: object) => {
      const { token } = await makeToken(ready.rest);
      const { body: answer } = await ready.rest.send<{ jwt: string }>('POST', '/v1/enrolments', { token, ...body });
      return answer.jwt;
    };
    const untilHeard = (id: string) =>
      until(
        () => ready.rest.get<{ lastHeartbeatAt: string | null; lastPollAt: string | null }>(`/v1/clients/${id}`),
        ({ lastHeartbeatAt, lastPollAt }) => lastHeartbeatAt !== null && lastPollAt !== null,
      );

    test('a beat and a poll go over MQTT with TLS, and nothing without it or without the authority', async () => {
      const jwt = await enrol({ clientId: 'mqtts', secret: makeSecret() });
      const trusted = { protocol: 'mqtts', ca: await readFile(ca, 'utf8') } as const;
      const device = await connectMqtt(mqttPort, 'mqtts', jwt, trusted);
      await device.request('register');
      await device.publish('heartbeat');
      expect(await device.request('poll')).toMatchObject({ policy: expect.anything() });
      await untilHeard('mqtts');
      await device.end();
      await expect(connectMqtt(mqttPort, 'mqtts', jwt, { protocol: 'mqtts' })).rejects.toThrow(/certificate/);
      const other = { protocol: 'mqtts', ca: (await makeAuthority()).cert } as const;
      await expect(connectMqtt(mqttPort, 'mqtts', jwt, other)).rejects.toThrow(/certificate/);
      await expect(connectMqtt(mqttPort, 'mqtts', jwt)).rejects.toThrow();
    });

    test('a beat and a poll go over WebSocket with TLS, and nothing without it or without the authority', async () => {
      const user = nkeys.createUser();
      const jwt = await enrol({ clientId: 'wss', publicKey: user.getPublicKey() });
      const env = { JWT: jwt, SEED: new TextDecoder().decode(user.getSeed()) };
      const run = (scheme: string, more: NodeJS.ProcessEnv) =>
        runWebSocketAgent(`${scheme}://127.0.0.1:${webSocketPort}`, { ...env, ...more });
      expect(await run('wss', { NODE_EXTRA_CA_CERTS: ca })).toBe('answered');
      await untilHeard('wss');
      for (const [scheme, more] of [
        ['wss', {}],
        ['ws', { NODE_EXTRA_CA_CERTS: ca }],
      ] as const) {
        expect(await run(scheme, more)).toBe('not connected');
      }
    });
  });
});

/** A client of WebSocket in a process of its own, for Node is told of an authority for it at its start alone. */
const runWebSocketAgent = async (url: string, env: NodeJS.ProcessEnv): Promise<string> => {
  const code = `
    import { jwtAuthenticator, wsconnect } from '@nats-io/transport-node';
    const authenticator = jwtAuthenticator(process.env.JWT, new TextEncoder().encode(process.env.SEED));
    const options = { servers: process.env.URL, authenticator, inboxPrefix: '_INBOX.wss', timeout: 20_000, reconnect: false };
    const nats = await wsconnect(options).catch(() => undefined);
    if (!nats) { process.stdout.write('not connected'); process.exit(); }
    await nats.request('reachback.v1.wss.register', '{}', { timeout: 20_000 });
    await nats.request('reachback.v1.wss.heartbeat', '{}', { timeout: 20_000 });
    const answer = await nats.request('reachback.v1.wss.poll', '{}', { timeout: 20_000 });
    process.stdout.write(answer.json().policy ? 'answered' : answer.string());
    await nats.close();`;
  // Node has WebSocket from version 22 on; before, one has to ask for it.
  const webSocket = typeof WebSocket === 'undefined' ? ['--experimental-websocket'] : [];
  const { stdout } = await promisify(execFile)(process.execPath, [...webSocket, '--input-type=module', '-e', code], {
    cwd: join(import.meta.dirname, '../..'),
    env: { PATH: process.env['PATH'], URL: url, ...env },
    timeout: 60_000,
  });
  return stdout;
};

describe('up with a certificate of one’s own', () => {
  let dir: UpFolder;
  let authority: Issued;

  const write = async (name: string, text: string): Promise<string> => {
    const file = join(dir.folder, name);
    await writeFile(file, text, { mode: 0o600 });
    return file;
  };
  const writePair = async () => {
    const names = ['reachback.test', '*.reachback.test'];
    const { cert, key } = await issueCertificate(authority, { names, lifetime: 86_400_000 });
    await write('own-key.pem', key);
    return write('own.pem', cert);
  };

  beforeAll(async () => {
    dir = await upFolder();
    authority = await makeAuthority();
  });
  afterAll(() => dir.end());

  test('serves it to REST and broker, and follows its files', async () => {
    const own = {
      REACHBACK_TLS_CERT: await writePair(),
      REACHBACK_TLS_KEY: join(dir.folder, 'own-key.pem'),
      REACHBACK_TLS_CA: await write('own-ca.pem', authority.cert),
    };
    const up = dir.start({ ...(await inParallelPorts()), ...own });
    await until(() => up.output().includes('Logs: '), Boolean, { seconds: 60 });
    const [, url = '', natsUrl = ''] = /REST (\S+), agents (\S+)/.exec(up.output()) ?? [];
    const asked = { ca: authority.cert, name: 'reachback.test' };
    expect(await webRequest(`${url}/healthz`, asked)).toMatchObject({ status: 200 });
    await expect(webRequest(`${url}/healthz`, { ca: authority.cert })).rejects.toThrow(/altnames/);
    const agent = startAgentProcess([
      ...['--id', 'pc-1', '--server', natsUrl, '--ca', own.REACHBACK_TLS_CA, '--server-name', 'reachback.test'],
      ...['--state', join(dir.folder, 'agents'), '--enrol-file', join(dir.data, 'first-token')],
    ]);
    await until(() => agent.output().includes('register: '));
    await agent.end('SIGTERM');
    const served = () => Promise.all([servedOverHttps(url), servedByBroker(natsUrl)]);
    const [before] = await served();
    await writePair();
    await until(served, ([http, broker]) => http !== before && http === broker);
  }, 120_000);

  test.each([
    [{ REACHBACK_TLS_CERT: '/nowhere.pem' }, [], 'go together'],
    [{ REACHBACK_TLS_CERT: '/nowhere.pem', REACHBACK_TLS_KEY: '/nowhere-key.pem' }, [], 'cannot be read (ENOENT)'],
    [{ REACHBACK_TLS_CERT: '/nowhere.pem', REACHBACK_TLS_KEY: '/nowhere-key.pem' }, ['--tls'], 'take one of the two'],
  ])('%j with %j is refused', async (env, args, said) => {
    const up = dir.start({ ...env, REACHBACK_DATA: join(dir.folder, 'other') }, args);
    expect(await up.exited).toBe(1);
    expect(up.output()).toContain(said);
  });
});
