import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Client } from '#contracts';
import { anyFreePort } from '#embedded';
import { publicKeyOfSecret } from '#identity';
import { until } from '../helpers/conditions.js';
import { connectMqtt, makeSecret, type MqttAgent } from '../helpers/mqtt.js';
import { brokersToTry } from '../helpers/secure-broker.js';
import { makeKey, makeToken, type SecureSystem, startSecureSystem } from '../helpers/secure-system.js';

type Enrolled = { readonly state: string; readonly jwt: string; readonly publicKey: string; readonly code?: string };
type Events = { readonly items: readonly { readonly kind?: string; readonly type?: string }[] };

describe.each(brokersToTry)('over MQTT, with %s', (_, program) => {
  let system: SecureSystem;
  let port: number;
  let server: NatsConnection;
  /** All that crosses over into the server's account, by subject. */
  const heardByServer: { readonly subject: string; readonly text: string }[] = [];
  const open: MqttAgent[] = [];

  beforeAll(async () => {
    port = await anyFreePort();
    system = await startSecureSystem(program, {}, { mqtt: port });
    await system.rest.send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/8'] }]);
    server = await until(() => system.broker.connectAs('server'));
    server.subscribe('>', {
      callback: (_error, message) => void heardByServer.push({ subject: message.subject, text: message.string() }),
    });
    await server.flush();
  }, 240_000);
  afterAll(async () => {
    for (const agent of open) await agent.end();
    await server.close();
    await system.stop();
  });

  const enrol = async (token: string, body: object) => {
    const answer = await fetch(`${system.server.url}/v1/enrolments`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ token, ...body }),
    });
    return { status: answer.status, body: (await answer.json()) as Enrolled };
  };
  const enrolled = async (clientId: string, secret = makeSecret()): Promise<Enrolled> => {
    const { token } = await makeToken(system.rest);
    return (await enrol(token, { clientId, secret })).body;
  };
  const connected = async (id: string, jwt: string, options = {}): Promise<MqttAgent> => {
    const agent = await connectMqtt(port, id, jwt, options);
    open.push(agent);
    return agent;
  };
  const registered = async (id: string): Promise<MqttAgent & Enrolled> => {
    const { state, jwt, publicKey } = await enrolled(id);
    const agent = await connected(id, jwt);
    await agent.request('register', '{"ips":["10.0.0.1"]}');
    return { ...agent, state, jwt, publicKey };
  };
  const client = (id: string) => system.rest.get<Client>(`/v1/clients/${id}`);
  const contactsOf = async (id: string): Promise<readonly string[]> => {
    const { items } = await system.rest.get<Events>(`/v1/clients/${id}/events`);
    return items.flatMap(({ kind, type }) => kind ?? type ?? []);
  };

  test('a client enrols with a secret, registers, beats, polls, acknowledges and says goodbye', async () => {
    const pc = await registered('pc-17');
    expect((await client('pc-17')).status).toBe('Unreachable/Online');
    await pc.publish('heartbeat', '{}', { qos: 0 });
    await until(async () => (await client('pc-17')).lastHeartbeatAt !== null);
    await system.rest.send('PATCH', '/v1/clients/pc-17/settings', { scan: { schedule: 'daily' } });
    const { settings } = await pc.request<{ settings: { revision: string; values: object } }>('poll', '{}');
    expect(settings.values).toMatchObject({ scan: { schedule: 'daily' } });
    const result = { kind: 'settings', revision: settings.revision, outcome: 'applied' };
    expect(await pc.request('ack', JSON.stringify({ results: [result] }))).toEqual({ accepted: 1 });
    expect((await client('pc-17')).undelivered).toBe(0);
    expect(await pc.request('poll', 'not JSON')).toMatchObject({ error: { code: 'bad_json' } });
    await pc.publish('stop', '{}', { qos: 1 });
    await until(async () => (await client('pc-17')).status === 'Unreachable/Offline');
    expect(await client('pc-17')).toMatchObject({ cause: 'stopped' });
  });

  test('the same secret gets the same answer; who knows the key but not the secret gets no password', async () => {
    const { token } = await makeToken(system.rest, { uses: 2 });
    const secret = makeSecret();
    const first = await enrol(token, { clientId: 'again', secret });
    const again = await enrol(token, { clientId: 'again', secret });
    expect({ ...again.body, jwt: '', time: '' }).toEqual({ ...first.body, jwt: '', time: '' });
    const byKey = await enrol(token, { clientId: 'again', publicKey: publicKeyOfSecret(secret) });
    expect(byKey.body).toMatchObject({ state: 'approved', publicKey: first.body.publicKey });
    await expect(connected('again', byKey.body.jwt)).rejects.toThrow();
    expect(await enrol(token, { clientId: 'again', secret: makeSecret() })).toMatchObject({ status: 409 });
    for (const body of [{}, { secret: 'short' }, { secret, publicKey: makeKey().publicKey }]) {
      expect(await enrol(token, { clientId: 'neither', ...body })).toMatchObject({ status: 400 });
    }
  });

  test('its password is good for MQTT alone, and other credentials are not good for MQTT', async () => {
    const secret = makeSecret();
    const { jwt } = await enrolled('mqtt-only', secret);
    await expect(system.broker.connectWith(jwt, makeKey().seed, 'mqtt-only')).rejects.toThrow(/authorization/i);
    const expiresAt = new Date(Date.now() + 60_000);
    const other = { clientId: 'mqtt-only', publicKey: makeKey().publicKey, expiresAt };
    await expect(connected('mqtt-only', system.broker.authority.issueAgent(other))).rejects.toThrow();
    const { token } = await makeToken(system.rest);
    await expect(connected('mqtt-only', token.split('.').slice(2).join('.'))).rejects.toThrow();
    const expired = system.broker.authority.issueMqttAgent({ ...other, expiresAt: new Date(Date.now() - 1_000) });
    await expect(connected('mqtt-only', expired)).rejects.toThrow(/authorized/i);
    await expect(connected('mqtt-only', '')).rejects.toThrow(/authorized/i);
  });

  test('a client speaks and listens for itself alone, also by its will', async () => {
    const [a, b] = [await registered('a'), await registered('b')];
    const before = await client('b');
    for (const topic of ['reachback/reply/v1/b/+', 'reachback/#', '#', '$MQTT/#', '$JS/#', '$SYS/#', '_INBOX/#']) {
      await expect(a.client.subscribeAsync(topic, { qos: 0 })).rejects.toThrow(/Subscribe error/);
    }
    heardByServer.length = 0;
    const foreign = ['heartbeat', 'logs', 'stop', 'uninstall', 'register', 'poll', 'ack', 'renew', 'notify'];
    const internal = ['tick', 'contact/b/poll', 'lane/0/tick', 'lane/0/agent/b/stop'];
    const topics = [
      ...foreign.map((kind) => `reachback/v1/b/${kind}`),
      ...internal.map((rest) => `reachback/internal/v1/${rest}`),
      ...['$JS/API/STREAM/PURGE/REACHBACK_CONTACTS', '$JS/API/STREAM/DELETE/$MQTT_sess', '$SYS/REQ/CLAIMS/UPDATE'],
      ...[
        'reachback/enrol/v1/token',
        'reachback/v1/a/notify',
        'reachback/v1/a/heartbeat/x',
        'reachback/reply/v1/b/poll',
      ],
    ];
    for (const qos of [0, 1] as const) {
      for (const topic of topics) await a.client.publishAsync(topic, '{}', { qos });
    }
    const willing = await connected('a', a.jwt, {
      will: { topic: 'reachback/v1/b/stop', payload: '{}', qos: 0 },
    }).catch(() => undefined);
    willing?.client.stream.destroy();
    // Whatever arrives after them has been judged: all before it has been, too.
    await a.request('poll', '{}');
    const own = /^(\$SYS|\$JS|_INBOX|_R_|reachback\.(internal|reply))/;
    const heard = heardByServer.map(({ subject }) => subject).filter((subject) => !own.test(subject));
    expect([...new Set(heard)].sort()).toEqual(['reachback.v1.a.poll']);
    // The server itself purges what it has read, but says up to where.
    const harmful = heardByServer.filter(({ text }) => text === '{}' || text === '').map(({ subject }) => subject);
    expect(harmful.filter((subject) => /\.b\.|PURGE|DELETE\.|CLAIMS/.test(subject))).toEqual([]);
    expect(await client('b')).toEqual(before);
    expect(b.heard.map(({ topic }) => topic)).toEqual(['reachback/reply/v1/b/register']);
  });

  test('whoever takes a session over by its id hears and says no more than before', async () => {
    const [a, b] = [await registered('taken'), await registered('taker')];
    const mine = { clientId: 'a-known-session', clean: false };
    const first = await connected('taken', a.jwt, mine);
    await first.client.subscribeAsync('reachback/reply/v1/taken/+', { qos: 0 });
    const second = await connected('taker', b.jwt, mine);
    await until(() => !first.client.connected);
    await a.request('poll', '{}');
    await second.request('poll', '{}').catch(() => undefined);
    expect(second.heard.filter(({ topic }) => topic.includes('/taken/'))).toEqual([]);
    // One with an empty id has one that nobody knows, and nobody takes it over.
    expect(a.client.connected).toBe(true);
  });

  test('G7: a retained beat, or one sent at QoS 1, is one beat, also after the broker was restarted', async () => {
    const a = await registered('once');
    await a.publish('heartbeat', '{}', { qos: 1 });
    await a.publish('heartbeat', '{}', { qos: 0, retain: true });
    const beats = async () => (await contactsOf('once')).filter((kind) => kind === 'heartbeat').length;
    await until(beats, (count) => count === 2);
    await system.broker.kill();
    await system.broker.start();
    const back = await until(() => connected('once', a.jwt).catch(() => undefined));
    // The server takes a moment to come back to the broker; until then nobody answers.
    await back?.client.subscribeAsync('reachback/reply/v1/once/+', { qos: 0 });
    await until(async () => {
      await back?.publish('poll', '{}');
      return back?.heard.some(({ topic }) => topic.endsWith('/poll'));
    });
    expect(back?.heard.filter(({ retain }) => retain)).toEqual([]);
    await back?.publish('heartbeat', '{}', { qos: 1 });
    await until(beats, (count) => count === 3);
  });

  test('what is too large is not stored, and harms nobody else', async () => {
    const [large, small] = [await registered('large'), await registered('small')];
    await large.client.publishAsync('reachback/v1/large/logs', 'x'.repeat(200_000), { qos: 0 });
    await small.publish('heartbeat', '{}', { qos: 1 });
    await until(async () => (await client('small')).lastHeartbeatAt !== null);
    expect(await contactsOf('large')).not.toContain('logs');
  });

  test('a renewal gives a new password for MQTT; a key of another is refused', async () => {
    const [a, b] = [await registered('renews'), await registered('renews-not')];
    const answer = await a.request<{ jwt: string }>('renew', JSON.stringify({ publicKey: a.publicKey }));
    await connected('renews', answer.jwt);
    const refused = await a.request('renew', JSON.stringify({ publicKey: b.publicKey }));
    expect(refused).toMatchObject({ error: { code: 'enrolment_refused' } });
  });

  test('a client that is revoked is cut off and stays out, and nobody else with it', async () => {
    const [bad, good] = [await registered('bad'), await registered('good')];
    await system.rest.send('POST', '/v1/clients/bad/credentials/revoke');
    await until(() => !bad.client.connected);
    await expect(connected('bad', bad.jwt)).rejects.toThrow(/authorized/i);
    expect(await good.request('poll', '{}')).toMatchObject({ more: false });
  });
});
