import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, type AgentEvent, fileIdentity, fileState, memoryState, publicKeyOf } from '#agent';
import type { Client } from '#contracts';
import { openDatabase } from '#event-log';
import { until } from '../helpers/conditions.js';
import { startDetour } from '../helpers/detour.js';
import { brokersToTry } from '../helpers/secure-broker.js';
import { makeKey, makeToken, type SecureSystem, startSecureSystem } from '../helpers/secure-system.js';

const rhythm = { heartbeat: { interval: 'PT1S' }, poll: { interval: 'PT1S' }, offlineAfter: 'PT30S' };
type Copies = {
  readonly items: readonly { readonly clientId: string; readonly instances: readonly { address: string }[] }[];
};
type Running = { readonly agent: Agent; readonly events: readonly AgentEvent[] };

describe.each(brokersToTry)('a machine that was copied, with %s', (_, program) => {
  let system: SecureSystem;
  let elsewhere: Awaited<ReturnType<typeof startDetour>>;
  let folder: string;
  const agents: Agent[] = [];
  const machines = new Map<string, Running>();
  /** One whose token asks for approval: it asks again some seconds after it was given. */
  let approved: Promise<Running>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'reachback-copies-'));
    system = await startSecureSystem(program);
    elsewhere = await startDetour(system.broker.port, '127.0.0.2');
    await system.rest.send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/8'] }]);
    await system.rest.send('PATCH', '/v1/settings', { reachback: rhythm });
    const ids = ['pc-1', 'pc-2', 'pc-3', 'pc-4', 'pc-5'];
    const { token } = await makeToken(system.rest, { uses: ids.length });
    for (const id of ids) machines.set(id, await start(id, { token }));
    approved = start('pc-8', { token: (await makeToken(system.rest, { approval: true })).token });
    const [asked] = await until(pending, (items) => items.length > 0);
    await decide('approve', asked);
  }, 240_000);
  afterAll(async () => {
    await Promise.all(agents.map((agent) => agent.stop()));
    await elsewhere.stop();
    await system.stop();
    await rm(folder, { recursive: true });
  });

  const start = async (id: string, { home = id, token = '', server = system.broker.url, ip = '10.0.0.1' } = {}) => {
    const events: AgentEvent[] = [];
    const agent = await Agent.start({
      id,
      server,
      ips: [ip],
      store: fileState(join(folder, home)),
      identity: { store: fileIdentity(join(folder, home)), ...(token ? { token } : {}) },
      applySettings: async () => undefined,
      applyUpdate: async () => undefined,
      onEvent: (event) => events.push(event),
    });
    agents.push(agent);
    const running: Running = { agent, events };
    await answers(running, 1);
    return running;
  };
  const isAnswer = ({ type }: AgentEvent): boolean => type === 'answered';
  const isRefusal = (event: AgentEvent): boolean => event.type === 'failed' && /another machine/i.test(event.error);
  /** Waits for more answers, or until it hears that it gets none. */
  const answers = ({ events }: Running, count: number) => {
    const before = events.filter(isAnswer).length;
    return until(() => events.filter(isAnswer).length >= before + count || events.some(isRefusal));
  };
  const machine = (id: string): Running => {
    const running = machines.get(id);
    if (!running) throw new Error(`no ${id}`);
    return running;
  };
  /** What an agent keeps is written beside its place and moved there: each file is whole at any time. */
  const duplicate = async (from: string, to: string): Promise<void> => {
    await mkdir(join(folder, to));
    for (const file of ['agent.creds', 'state.json']) await copyFile(join(folder, from, file), join(folder, to, file));
  };
  /** The same machine again, somewhere else. */
  const copyOf = async (id: string) => {
    const home = `${id}-copy`;
    await duplicate(id, home);
    return start(id, { home, server: elsewhere.url, ip: '10.0.0.2' });
  };
  const copies = () => system.rest.get<Copies>('/v1/copies');
  const copyFound = (id: string) => until(copies, ({ items }) => items.some(({ clientId }) => clientId === id));
  const client = (id: string) => system.rest.get<Client>(`/v1/clients/${id}`);
  const history = (id: string) => system.rest.get<{ items: readonly unknown[] }>(`/v1/clients/${id}/history`);
  const setting = (id: string, values: object) => system.rest.send('PATCH', `/v1/clients/${id}/settings`, values);
  const dismiss = (id: string) => system.rest.send('POST', `/v1/clients/${id}/copies/dismiss`);
  const revisions = ({ events }: Running) =>
    events.flatMap((event) => (event.type === 'settings-applied' ? [Number(event.revision)] : []));

  type Waiting = { readonly id: string; readonly splitFrom: string | null; readonly clientId: string };
  const pending = async () =>
    (await system.rest.get<{ items: readonly Waiting[] }>('/v1/enrolments?state=pending')).items;
  const decide = (what: 'approve' | 'refuse', asked: Waiting | undefined) =>
    system.rest.send('POST', `/v1/enrolments/${asked?.id}/${what}`);

  test('is found out within seconds, and shown with both addresses; nothing else changes', async () => {
    const first = machine('pc-1');
    await answers(first, 2);
    const before = await history('pc-1');
    expect(await client('pc-1')).toMatchObject({ copied: false, status: 'Unreachable/Online' });
    const second = await copyOf('pc-1');
    const { items } = await copyFound('pc-1');
    expect(items).toMatchObject([
      {
        clientId: 'pc-1',
        instances: [
          { address: '127.0.0.1', ips: ['10.0.0.1'] },
          { address: '127.0.0.2', ips: ['10.0.0.2'] },
        ],
      },
    ]);
    await Promise.all([answers(first, 2), answers(second, 2)]);
    expect([...first.events, ...second.events].filter(isRefusal)).toEqual([]);
    expect(await client('pc-1')).toMatchObject({ copied: true, status: 'Unreachable/Online' });
    expect(await history('pc-1')).toEqual(before);

    await second.agent.stop();
    expect((await dismiss('pc-1')).status).toBe(204);
    await answers(first, 3);
    expect(await copies()).toEqual({ items: [], nextCursor: null });
    expect((await dismiss('pc-1')).status).toBe(404);
  }, 120_000);

  test('a restart and a reinstallation with the same credential are no copies', async () => {
    await machine('pc-2').agent.stop();
    const restarted = await start('pc-2');
    await answers(restarted, 2);
    await restarted.agent.stop();
    await rm(join(folder, 'pc-2', 'state.json'));
    const reinstalled = await start('pc-2');
    expect(reinstalled.events.find(isAnswer)).toMatchObject({ kind: 'register' });
    await answers(reinstalled, 2);
    expect((await client('pc-2')).copied).toBe(false);
  }, 120_000);

  test('an update that is started beside the running agent is no copy', async () => {
    const running = machine('pc-3');
    const options = {
      id: 'pc-3',
      server: system.broker.url,
      store: memoryState(),
      identity: { store: fileIdentity(join(folder, 'pc-3')) },
      applySettings: async () => undefined,
      applyUpdate: async () => undefined,
    };
    for (let i = 0; i < 3; i++) {
      await Agent.update(options, 'manual');
      await answers(running, 1);
    }
    expect((await client('pc-3')).copied).toBe(false);
  }, 120_000);

  test('with `refuse` the one that came later gets nothing, and the other goes on', async () => {
    const first = machine('pc-4');
    await setting('pc-4', { reachback: { copies: 'refuse' } });
    const second = await copyOf('pc-4');
    await copyFound('pc-4');
    await until(() => second.events.some(isRefusal));
    const { revision } = (await setting('pc-4', { scan: 'daily' })).body as { revision: string };
    await until(() => revisions(first).includes(Number(revision)));
    expect(revisions(second)).not.toContain(Number(revision));
    expect(await client('pc-4')).toMatchObject({ copied: true, status: 'Unreachable/Online' });
  }, 120_000);

  test('with `quarantine` neither gets work until it is decided; both are answered', async () => {
    const first = machine('pc-5');
    await setting('pc-5', { reachback: { copies: 'quarantine' } });
    const second = await copyOf('pc-5');
    await copyFound('pc-5');
    const { revision } = (await setting('pc-5', { scan: 'daily' })).body as { revision: string };
    await Promise.all([answers(first, 2), answers(second, 2)]);
    for (const one of [first, second]) {
      expect(revisions(one)).not.toContain(Number(revision));
      const last = one.events.filter((event) => event.type === 'answered').at(-1);
      expect(last?.reply.warnings).toEqual([expect.stringMatching(/administrator/)]);
    }
    expect(await client('pc-5')).toMatchObject({ undelivered: 1, status: 'Unreachable/Online' });
    await second.agent.stop();
    await dismiss('pc-5');
    await until(() => revisions(first).includes(Number(revision)));
  }, 120_000);

  /** A client with a token of its own, whose copies are split off. */
  const startSplitting = async (id: string) => {
    const { token } = await makeToken(system.rest, { group: 'paris', labels: { os: 'linux' } });
    const running = await start(id, { token });
    await setting(id, { reachback: { copies: 'split' } });
    return running;
  };
  const splitOf = async ({ events }: Running): Promise<string> => {
    const own = () => events.find((event) => event.type === 'split');
    await until(
      () => events,
      () => own() !== undefined,
    );
    return own()?.clientId ?? '';
  };
  const keyIn = async (home: string): Promise<string> => {
    const identity = await fileIdentity(join(folder, home)).load();
    if (!identity) throw new Error(`nobody has enrolled in ${home}`);
    return publicKeyOf(identity);
  };
  const credentials = (id: string) =>
    system.rest.get<{ items: readonly { publicKey: string; state: string }[] }>(`/v1/clients/${id}/credentials`);
  const typesOf = async (id: string): Promise<readonly string[]> => {
    const { items } = await system.rest.get<{ items: readonly { type: string }[] }>(
      `/v1/events?client=${id}&limit=1000`,
    );
    return items.map(({ type }) => type);
  };

  test('with `split` the one that came later becomes a client of its own by itself; the other goes on', async () => {
    const first = await startSplitting('pc-6');
    const key = await keyIn('pc-6');
    const second = await copyOf('pc-6');
    const own = await splitOf(second);
    await until(
      () => client('pc-6'),
      ({ copied }) => !copied,
    );
    await Promise.all([answers(first, 2), answers(second, 2)]);
    expect(await client(own)).toMatchObject({
      splitFrom: 'pc-6',
      group: 'paris',
      labels: { os: 'linux' },
      copied: false,
      status: 'Unreachable/Online',
    });
    expect(await client('pc-6')).toMatchObject({ splitFrom: null, copied: false, status: 'Unreachable/Online' });
    expect(first.events.filter(({ type }) => type === 'failed')).toEqual([]);
    expect(await keyIn('pc-6')).toBe(key);
    expect((await credentials('pc-6')).items).toMatchObject([{ publicKey: key, state: 'valid' }]);
    expect((await credentials(own)).items).toMatchObject([{ publicKey: await keyIn('pc-6-copy'), state: 'valid' }]);
    expect(await typesOf('pc-6')).toEqual(
      expect.arrayContaining(['client-copied', 'client-split-offered', 'client-split']),
    );

    const { revision } = (await setting(own, { scan: 'daily' })).body as { revision: string };
    await until(() => revisions(second).includes(Number(revision)));
    expect(revisions(first)).not.toContain(Number(revision));

    await second.agent.stop();
    const restarted = await start('pc-6', { home: 'pc-6-copy', server: elsewhere.url, ip: '10.0.0.2' });
    await Promise.all([answers(first, 3), answers(restarted, 3)]);
    expect(restarted.events.find(isAnswer)).toMatchObject({ kind: 'start' });
    expect((await client('pc-6')).copied).toBe(false);
    expect((await typesOf('pc-6')).filter((type) => type === 'client-copied')).toHaveLength(1);
  }, 120_000);

  test('of several copies each becomes a client of its own', async () => {
    const first = await startSplitting('pc-7');
    const homes = ['pc-7-a', 'pc-7-b', 'pc-7-c'];
    for (const home of homes) await duplicate('pc-7', home);
    const all = await Promise.all(homes.map((home) => start('pc-7', { home, server: elsewhere.url, ip: '10.0.0.2' })));
    const ids = await Promise.all(all.map(splitOf));
    expect(new Set(ids).size).toBe(3);
    await until(
      () => client('pc-7'),
      ({ copied }) => !copied,
    );
    await Promise.all([first, ...all].map((running) => answers(running, 2)));
    expect(first.events.filter(({ type }) => type === 'failed' || type === 'split')).toEqual([]);
  }, 120_000);

  test('a copy that acknowledges before it asks is told to ask, and then how it becomes a client of its own', async () => {
    const { publicKey, seed } = makeKey();
    const { token } = await makeToken(system.rest);
    const enrolment = { token, clientId: 'pc-ack', publicKey };
    const { body } = await system.rest.send<{ jwt: string }>('POST', '/v1/enrolments', enrolment);
    const nc = await system.broker.connectWith(body.jwt, seed, 'pc-ack');
    type Answer = {
      readonly error?: { readonly code: string; readonly retryAfterSeconds: number; readonly split?: object };
    };
    const ask = async (kind: string, instance: string, payload: object = {}): Promise<Answer> => {
      const asked = { instance, time: new Date().toISOString(), ...payload };
      return (await nc.request(`reachback.v1.pc-ack.${kind}`, JSON.stringify(asked), { timeout: 20_000 })).json();
    };
    await ask('register', 'first');
    await setting('pc-ack', { reachback: { copies: 'split' } });
    await ask('start', 'second');
    await until(
      () => ask('poll', 'first').then(copies),
      ({ items }) => items.some(({ clientId }) => clientId === 'pc-ack'),
    );
    const acknowledged = await ask('ack', 'second', { results: [] });
    expect(acknowledged.error).toMatchObject({ code: 'copied', retryAfterSeconds: 1 });
    expect(acknowledged.error?.split).toBeUndefined();
    const { error } = await ask('poll', 'second');
    expect(error).toMatchObject({ code: 'copied', split: { clientId: expect.stringMatching(/^pc-ack-/) } });
    await nc.close();
  }, 120_000);

  test('a copy of what was split off waits for approval, and says whose copy it is', async () => {
    const own = (await fileIdentity(join(folder, 'pc-6-copy')).load())?.clientId ?? '';
    await setting(own, { reachback: { copies: 'split' } });
    await duplicate('pc-6-copy', 'pc-6-third');
    const third = await start('pc-6', { home: 'pc-6-third', ip: '10.0.0.3' });
    await until(
      () => third.events,
      (events) => events.some(({ type }) => type === 'awaiting-approval'),
    );
    expect((await client(own)).copied).toBe(false);
    const items = await pending();
    expect(items).toMatchObject([{ splitFrom: own }]);
    await third.agent.stop();
    await decide('approve', items[0]);
    const restarted = await start('pc-6', { home: 'pc-6-third', ip: '10.0.0.3' });
    expect(await client(items[0]?.clientId ?? '')).toMatchObject({ splitFrom: own, copied: false });
    await answers(restarted, 1);
  }, 120_000);

  test('revoking a credential revokes what was split off from it, and from that', async () => {
    const keys = await Promise.all(['pc-6', 'pc-6-copy', 'pc-6-third'].map(keyIn));
    const { body } = await system.rest.send<{ revoked: string[] }>('POST', '/v1/clients/pc-6/credentials/revoke');
    expect(body.revoked.slice().sort()).toEqual(keys.slice().sort());
  });

  const isWaiting = ({ events }: Running): boolean => events.some(({ type }) => type === 'awaiting-approval');

  test('a copy of one whose token asks for approval waits for it; told no, it goes on as who it was', async () => {
    const first = await approved;
    await setting('pc-8', { reachback: { copies: 'split' } });
    const second = await copyOf('pc-8');
    await until(() => isWaiting(second));
    const [asked, ...others] = await pending();
    expect(asked).toMatchObject({ splitFrom: 'pc-8' });
    expect(others).toEqual([]);
    expect(await fileIdentity(join(folder, 'pc-8-copy')).load()).toHaveProperty('split');
    await decide('refuse', asked);
    await until(() => second.events.some((event) => event.type === 'failed' && event.what === 'enrolling'));
    await second.agent.stop();
    expect(await fileIdentity(join(folder, 'pc-8-copy')).load()).not.toHaveProperty('split');
    expect(await keyIn('pc-8-copy')).toBe(await keyIn('pc-8'));
    const restarted = await start('pc-8', { home: 'pc-8-copy', server: elsewhere.url, ip: '10.0.0.2' });
    expect(restarted.events.find(isAnswer)).toMatchObject({ kind: 'start' });
    await restarted.agent.stop();
    expect([...second.events, ...restarted.events].filter(({ type }) => type === 'split')).toEqual([]);
    await answers(first, 1);
  }, 120_000);

  test('with `split-on-approval` each copy waits for approval', async () => {
    const first = await startSplitting('pc-9');
    await setting('pc-9', { reachback: { copies: 'split-on-approval' } });
    const second = await copyOf('pc-9');
    await until(() => isWaiting(second));
    const [asked] = await pending();
    expect(asked).toMatchObject({ splitFrom: 'pc-9' });
    // It asks again some seconds later; started anew it asks at once.
    await second.agent.stop();
    await decide('approve', asked);
    const restarted = await start('pc-9', { home: 'pc-9-copy', server: elsewhere.url, ip: '10.0.0.2' });
    await answers(restarted, 1);
    expect(await client(asked?.clientId ?? '')).toMatchObject({ splitFrom: 'pc-9', copied: false });
    await answers(first, 1);
  }, 120_000);

  test('at most a thousand copies of one client are split off in a day', async () => {
    const first = await startSplitting('pc-10');
    const db = openDatabase({ url: system.databaseUrl, connections: 1 });
    // 999 today, and as many the day before.
    await db`
      WITH made AS (
        INSERT INTO enrolment_token (
          id, position, public_key, labels, uses, used, approval, created_by, created_at, expires_at)
        SELECT gen_random_uuid(), -n, 'U', '{}', 1, 1, false, 'system',
               now() - CASE WHEN n < 1000 THEN interval '1 hour' ELSE interval '25 hours' END, now()
        FROM generate_series(1, 1998) n
        RETURNING id, position)
      INSERT INTO client_split (token, position, client_id, instance, split_id, split_at)
      SELECT id, position, 'pc-10', 'i' || position, 'pc-10-' || position, now() FROM made`;
    await db.end();
    const homes = ['pc-10-a', 'pc-10-b'];
    for (const home of homes) await duplicate('pc-10', home);
    const all = await Promise.all(homes.map((home) => start('pc-10', { home, server: elsewhere.url, ip: '10.0.0.2' })));
    const isSplit = ({ events }: Running) => events.some(({ type }) => type === 'split');
    // Who is split off may have been refused an acknowledgement before.
    const isRefused = (one: Running) => !isSplit(one) && one.events.some(isRefusal);
    await until(() => all.filter(isSplit).length === 1 && all.filter(isRefused).length === 1);
    expect((await typesOf('pc-10')).filter((type) => type === 'client-split-offered')).toHaveLength(1);
    await answers(first, 2);
  }, 120_000);

  test('revoking the credential ends both, and the copy with them', async () => {
    expect((await client('pc-4')).copied).toBe(true);
    await system.rest.send('POST', '/v1/clients/pc-4/credentials/revoke');
    expect((await client('pc-4')).copied).toBe(false);
  });
});
