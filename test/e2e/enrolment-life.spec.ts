import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, type AgentEvent, AgentError, fileIdentity, fileState, validityOf } from '#agent';
import { until } from '../helpers/conditions.js';
import { startDetour } from '../helpers/detour.js';
import { brokersToTry } from '../helpers/secure-broker.js';
import { makeToken, type SecureSystem, startSecureSystem } from '../helpers/secure-system.js';

/** In seconds; long enough for a busy machine to connect in. */
const lifetime = 20;

type Beat = { readonly type: string; readonly at: string };
type Credentials = { readonly items: readonly { readonly state: string; readonly publicKey: string }[] };

describe.each(brokersToTry)('the life of an agent, with %s', (_, program) => {
  let system: SecureSystem;
  let folder: string;
  const agents: Agent[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'reachback-agent-'));
    system = await startSecureSystem(program, { REACHBACK_CREDENTIAL_LIFETIME: `PT${lifetime}S` });
    const policy = { heartbeat: { scope: 'all', interval: 'PT1S' }, offlineAfter: 'PT5S' };
    await system.rest.send('PATCH', '/v1/settings', { reachback: policy });
  }, 240_000);
  afterAll(async () => {
    await Promise.all(agents.map((agent) => agent.stop()));
    await system.stop();
    await rm(folder, { recursive: true });
  });

  const start = async (id: string, token?: string, server = system.broker.url) => {
    const events: AgentEvent[] = [];
    const home = join(folder, id);
    const agent = await Agent.start({
      id,
      server,
      group: 'chosen/by-itself',
      labels: { os: 'plan9', room: '1' },
      store: fileState(home),
      identity: { store: fileIdentity(home), token },
      applySettings: async () => undefined,
      applyUpdate: async () => undefined,
      onEvent: (event) => events.push(event),
    });
    agents.push(agent);
    return { agent, events, has: (type: AgentEvent['type']) => events.some((event) => event.type === type) };
  };
  const credentials = (id: string) => system.rest.get<Credentials>(`/v1/clients/${id}/credentials`);
  const jwtOf = async (id: string) => (await fileIdentity(join(folder, id)).load())?.jwt ?? '';

  test('who has no credential is not let in, and is told what to do', async () => {
    await expect(start('nobody')).rejects.toThrow(/enrol/);
  }, 60_000);

  test('token, enrolment, registration, beats, renewal without a lost beat', async () => {
    const { token } = await makeToken(system.rest, { group: 'paris/desktops', labels: { os: 'linux' } });
    const { events, has } = await start('pc-1', token);
    await until(() => has('heartbeat'));
    const { group, labels } = await system.rest.get<{ group: string; labels: object }>('/v1/clients/pc-1');
    expect({ group, labels }).toEqual({ group: 'paris/desktops', labels: { os: 'linux', room: '1' } });
    expect((await stat(join(folder, 'pc-1', 'agent.creds'))).mode & 0o777).toBe(0o600);

    const first = validityOf(await jwtOf('pc-1'));
    expect(first.expires - first.issued).toBeLessThanOrEqual(lifetime * 1000);
    await until(() => events.filter(({ type }) => type === 'renewed').length >= 2);
    await until(() => Date.now() > first.expires + 2_000);
    expect(validityOf(await jwtOf('pc-1')).expires).toBeGreaterThan(first.expires);
    expect(events.filter(({ type }) => type === 'disconnected' || type === 'failed')).toEqual([]);
    const sent = events.filter(({ type }) => type === 'heartbeat').length;
    const logged = async () => {
      const { items } = await system.rest.get<{ items: readonly Beat[] }>('/v1/clients/pc-1/events?limit=1000');
      return items.filter(({ type }) => type === 'heartbeat').map(({ at }) => Date.parse(at));
    };
    const beats = await until(logged, ({ length }) => length >= sent);
    expect(Math.max(...beats)).toBeGreaterThan(first.expires);
    const { items } = await system.rest.get<{ items: readonly { readonly cause: string }[] }>(
      '/v1/clients/pc-1/history',
    );
    expect(items.map(({ cause }) => cause)).not.toContain('silence');
  }, 120_000);

  test('started again, it uses what it has kept, and no token', async () => {
    await agents[0]?.stop();
    const { has } = await start('pc-1');
    await until(() => has('heartbeat'));
    expect(has('enrolled')).toBe(false);
  }, 60_000);

  test('a broker that is too busy to look at its credential in time has not refused it', async () => {
    await agents.pop()?.stop();
    const busy = await startDetour(system.broker.port, '127.0.0.1', 1);
    const { events, has } = await start('pc-1', undefined, busy.url);
    await until(() => has('heartbeat'));
    expect(events[0]).toMatchObject({ type: 'failed', what: 'connecting', error: expect.stringMatching(/timeout/i) });
    await agents.pop()?.stop();
    await busy.stop();
  }, 60_000);

  test('revocation cuts the open connection at once, and holds over restarts of broker and server', async () => {
    const { token } = await makeToken(system.rest);
    const { has, agent } = await start('pc-2', token);
    await until(() => has('heartbeat'));
    const { status, body } = await system.rest.send('POST', '/v1/clients/pc-2/credentials/revoke');
    expect({ status, body }).toEqual({ status: 200, body: { revoked: [expect.any(String)], inEffect: true } });
    await until(() => has('disconnected'));
    await until(() => has('refused'));
    await agent.stop();
    await expect(start('pc-2')).rejects.toThrow(AgentError);

    await system.broker.kill();
    await system.broker.start();
    await expect(start('pc-2')).rejects.toThrow(/revoked/);
    await system.restart();
    await expect(start('pc-2')).rejects.toThrow(/revoked/);
    expect((await credentials('pc-2')).items).toMatchObject([{ state: 'revoked' }]);
  }, 240_000);

  test('it enrols again, with a key of its own making that is new', async () => {
    const { token } = await makeToken(system.rest);
    const { has } = await start('pc-2', token);
    await until(() => has('heartbeat'));
    const { items } = await credentials('pc-2');
    expect(items.map(({ state }) => state)).toEqual(['valid', 'revoked']);
    expect(items[0]?.publicKey).not.toBe(items[1]?.publicKey);
  }, 60_000);

  test('removing a client revokes what it connects with', async () => {
    const { token } = await makeToken(system.rest);
    const { has } = await start('pc-3', token);
    await until(() => has('heartbeat'));
    expect((await system.rest.send('DELETE', '/v1/clients/pc-3')).status).toBe(204);
    await until(() => has('disconnected'));
    expect((await credentials('pc-3')).items).toMatchObject([{ state: 'revoked' }]);
  }, 60_000);

  test('what is revoked while the broker is away is revoked when it is back', async () => {
    const { token } = await makeToken(system.rest);
    const { has, agent } = await start('pc-4', token);
    await until(() => has('heartbeat'));
    const other = await system.startServer();
    await system.broker.kill();
    const { body } = await system.rest.send('POST', '/v1/clients/pc-4/credentials/revoke');
    expect(body).toMatchObject({ inEffect: false });
    await system.server.kill();
    await system.broker.start();
    await until(() => has('refused'), Boolean, { seconds: 60 });
    await agent.stop();
    await other.stop();
    await system.restart();
  }, 240_000);

  test('nothing secret is in facts, or in the log of the server', async () => {
    const secret = (await readFile(join(folder, 'pc-1', 'agent.creds'), 'utf8')).split('\n')[1] ?? '';
    expect(secret).toMatch(/^eyJ/);
    const { token } = await makeToken(system.rest);
    const facts = JSON.stringify(await system.rest.get('/v1/events?limit=1000'));
    expect(facts).toContain('client-enrolled');
    for (const text of [facts, system.server.log()]) {
      expect(text).not.toContain(token.split('.')[1]);
      expect(text).not.toContain('eyJ');
    }
  });
});
