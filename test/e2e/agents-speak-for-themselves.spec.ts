import { headers, type Msg, type NatsConnection, nkeys } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestDatabase } from '#embedded';
import { Agent, parseCredentials } from '#agent';
import { issueAgentCredentials } from '#identity';
import { until } from '../helpers/conditions.js';
import { brokersToTry, type SecureBroker, startSecureBroker } from '../helpers/secure-broker.js';
import { startSystem, type System } from '../helpers/system.js';

const inAnHour = () => new Date(Date.now() + 3_600_000);
const stream = 'REACHBACK_CONTACTS';
/** The machine may be busy with other tests. */
const patiently = { timeout: 20_000 };

/** What the broker holds against a connection. */
const errorOf = async (nats: NatsConnection): Promise<string> => {
  for await (const status of nats.status()) if (status.type === 'error') return String(status.error);
  return 'closed';
};

/** An agent with valid credentials of `a` tries everything else. */
describe.each(brokersToTry)('an agent speaks only for itself, with %s', (_, program) => {
  let broker: SecureBroker;
  let system: System;
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let a: NatsConnection;
  let server: NatsConnection;
  /** All that crosses over into the server's account, and all that `b` hears. */
  const heardByServer: Msg[] = [];

  beforeAll(async () => {
    [broker, database] = await Promise.all([startSecureBroker({ program }), createTestDatabase()]);
    system = await startSystem({ secure: broker, databaseUrl: database.url });
    await system.rest.send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/8'] }]);
    await system.request('b', 'register', { ips: ['10.0.0.2'] });
    a = await broker.connectAgent('a');
    await a.request('reachback.v1.a.register', '{"ips":["10.0.0.1"]}', patiently);
    server = await broker.connectAs('server');
    server.subscribe('>', { callback: (_error, message) => void heardByServer.push(message) });
    await server.flush();
  });
  afterAll(async () => {
    await Promise.all([a.close(), server.close()]);
    await system.stop();
    await database.drop();
  });

  /** What would change if somebody else spoke for `b`. */
  const stateOfB = async () => {
    const { lastContactAt, status, since } = await system.client('b');
    return { lastContactAt, status, since };
  };
  const streamHas = async (): Promise<number> => {
    const info = (await server.request(`$JS.API.STREAM.INFO.${stream}`)).json<{ state: { last_seq: number } }>();
    return info.state.last_seq;
  };

  test.each([
    'reachback.v1.b.heartbeat',
    'reachback.v1.b.poll',
    'reachback.v1.b.uninstall',
    'reachback.v1.b.notify',
    'reachback.v1.a.notify',
    'reachback.v1.heartbeat',
    'reachback.internal.v1.tick',
    'reachback.internal.v1.contact.a.poll',
    'reachback.internal.v1.contact.b.poll',
    'reachback.internal.v1.presence.0',
    'reachback.internal.v1.committed.0',
    'reachback.enrol.v1.token',
    `$JS.API.INFO`,
    `$JS.API.STREAM.INFO.${stream}`,
    `$JS.API.STREAM.PURGE.${stream}`,
    `$JS.API.STREAM.MSG.GET.${stream}`,
    `$JS.API.STREAM.MSG.DELETE.${stream}`,
    `$JS.API.STREAM.DELETE.${stream}`,
    `$JS.API.CONSUMER.CREATE.${stream}`,
    `$JS.API.CONSUMER.DELETE.${stream}.x`,
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.x`,
    `$JS.ACK.${stream}.x.1.1.1.1.0`,
    '$SYS.REQ.SERVER.PING',
    '$SYS.REQ.CLAIMS.UPDATE',
    '$SYS.REQ.USER.INFO',
    '_INBOX.b.x',
    '_R_.x',
    'anything',
  ])('may not publish to %s', async (subject) => {
    const request = a.request(subject, '{}', patiently);
    await expect(request).rejects.toThrow(/Permissions Violation for Publish/i);
  });

  test.each([
    '>',
    '*.>',
    'reachback.>',
    'reachback.v1.>',
    'reachback.v1.*.notify',
    'reachback.v1.*.heartbeat',
    'reachback.v1.a.>',
    'reachback.v1.b.notify',
    'reachback.internal.>',
    'reachback.internal.v1.committed.*',
    '_INBOX.>',
    '_INBOX.*.>',
    '_INBOX.b.>',
    '_R_.>',
    '$SYS.>',
    '$JS.>',
    '$JS.EVENT.ADVISORY.>',
  ])('may not subscribe to %s', async (subject) => {
    const refused = new Promise<Error | undefined>((resolve) => {
      a.subscribe(subject, { callback: (error) => resolve(error ?? undefined) });
    });
    expect(String(await refused)).toMatch(/Permissions Violation for Subscription/i);
  });

  const victims = [
    `$JS.API.STREAM.PURGE.${stream}`,
    `$JS.API.STREAM.MSG.DELETE.${stream}`,
    `$JS.API.STREAM.DELETE.${stream}`,
    'reachback.v1.b.heartbeat',
    'reachback.v1.b.logs',
    'reachback.v1.b.stop',
    'reachback.v1.b.uninstall',
    'reachback.v1.b.poll',
    'reachback.v1.b.register',
    'reachback.v1.b.ack',
    'reachback.internal.v1.contact.b.poll',
    'reachback.internal.v1.tick',
    'reachback.enrol.v1.token',
    '$SYS.REQ.CLAIMS.UPDATE',
    '$SYS.REQ.SERVER.PING',
  ];

  test('cannot have an answer do what it may not: reply subjects of others lead nowhere', async () => {
    await a.flush();
    const before = await stateOfB();
    const sequence = await streamHas();
    heardByServer.length = 0;
    for (const reply of victims) {
      for (const kind of ['heartbeat', 'logs', 'poll', 'ack', 'update', 'start']) {
        a.publish(`reachback.v1.a.${kind}`, kind === 'update' ? '{"trigger":"manual"}' : '{}', { reply });
      }
      a.publish('reachback.v1.a.poll', 'not JSON', { reply });
    }
    await a.flush();
    // Whatever arrives after it has been judged: all before it has been, too.
    for (const kind of ['heartbeat', 'poll']) await a.request(`reachback.v1.a.${kind}`, '', patiently);
    await until(
      () => system.client('a'),
      ({ lastHeartbeatAt, lastPollAt }) => lastHeartbeatAt !== null && lastPollAt !== null,
    );
    const heard = heardByServer.map(({ subject }) => subject);
    expect(heard).toContain('reachback.v1.a.heartbeat');
    expect(heard.filter((subject) => subject.startsWith('reachback.v1.b.'))).toEqual([]);
    expect(await stateOfB()).toEqual(before);
    expect(await streamHas()).toBeGreaterThan(sequence);
    // The server itself purges what it has read; a receipt in the place of its request would name the stream.
    const isLed = ({ subject, data }: Msg): boolean =>
      /^(\$JS\.API\.|\$SYS|reachback\.internal\.v1\.contact\.b\.)/.test(subject) &&
      /"stream"|"error"|"policy"/.test(new TextDecoder().decode(data));
    expect(heardByServer.filter(isLed).map(({ subject }) => subject)).toEqual([]);
  });

  test('cannot have the poll of a neighbour taken for a repetition, though it knows the id of the request', async () => {
    const withId = (id: string) => {
      const all = headers();
      all.set('Nats-Msg-Id', id);
      return all;
    };
    await system.nats.request('reachback.v1.b.poll', '{}', { ...patiently, headers: withId('poll-0') });
    const { lastPollAt } = await until(
      () => system.client('b'),
      (client) => client.lastPollAt !== null,
    );
    for (const id of ['poll-1', 'b.poll.poll-1', 'relay.b.poll.poll-1']) {
      const receipt = await a.request('reachback.v1.a.heartbeat', '', { ...patiently, headers: withId(id) });
      expect(receipt.json()).toMatchObject({ stream });
    }
    await system.nats.request('reachback.v1.b.poll', '{}', { ...patiently, headers: withId('poll-1') });
    await until(
      () => system.client('b'),
      (client) => client.lastPollAt !== lastPollAt,
    );
  });

  test('cannot have its neighbour told something', async () => {
    const b = await broker.connectAgent('b');
    const heard: Msg[] = [];
    b.subscribe('reachback.v1.b.notify', { callback: (_error, message) => void heard.push(message) });
    await b.flush();
    a.publish('reachback.v1.a.poll', '{}', { reply: 'reachback.v1.b.notify' });
    await until(() => heard.length > 0);
    // It arrives, marked as an answer and without a way to answer it: agents leave it alone.
    expect(heard[0]?.headers?.get('Reachback-Reply')).toBe('1');
    expect(heard[0]?.reply).toBe('');
    await b.close();
  });

  test('may not listen to more than it needs', async () => {
    const flooding = await broker.connectAgent('flood');
    const refused = errorOf(flooding);
    for (let i = 0; i < 40; i++) flooding.subscribe(`_INBOX.flood.${i}`);
    expect(await refused).toMatch(/maximum subscriptions/i);
    await flooding.close();
  });

  test('is cut off for a payload that is too large, and nobody else with it', async () => {
    const large = await broker.connectAgent('large');
    const refused = errorOf(large);
    // The client knows the limit, and would not send it.
    if (large.info) large.info.max_payload = 1024 * 1024;
    large.publish('reachback.v1.large.logs', new Uint8Array(80 * 1024));
    expect(await refused).toMatch(/maximum payload/i);
    await large.close();
    await a.flush();
  });

  describe('is let in only by what the server issued', () => {
    const user = nkeys.createUser();
    const seed = user.getSeed();
    const publicKey = user.getPublicKey();
    const issued = (expiresAt: Date) => broker.authority.issueAgent({ clientId: 'c', publicKey, expiresAt });
    const partsOf = (jwt: string) => {
      const [header = '', claims = ''] = jwt.split('.');
      const { nats, ...rest } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { nats: object };
      return { header, claims: { ...rest, nats } };
    };
    /** The claims changed, and signed by a key of the agent's own. */
    const forged = (change: object, signer = nkeys.createAccount()): string => {
      const { header, claims } = partsOf(issued(inAnHour()));
      const body = Buffer.from(JSON.stringify({ ...claims, ...change })).toString('base64url');
      return `${header}.${body}.${Buffer.from(signer.sign(Buffer.from(`${header}.${body}`))).toString('base64url')}`;
    };
    const refusal = /authorization|authentication/i;

    test('one that has expired is refused, and closes the connection when it expires', async () => {
      await expect(broker.connectWith(issued(new Date(Date.now() - 1_000)), seed, 'c')).rejects.toThrow(refusal);
      const soon = await broker.connectWith(issued(new Date(Date.now() + 2_500)), seed, 'c');
      expect(await errorOf(soon)).toMatch(/expired/i);
      await soon.close();
    });

    test('without the key that it was issued for it is worth nothing', () =>
      expect(broker.connectWith(issued(inAnHour()), nkeys.createUser().getSeed(), 'c')).rejects.toThrow(refusal));

    test('one of another operator is refused', async () => {
      const other = await startSecureBroker({ program });
      const jwt = other.authority.issueAgent({ clientId: 'c', publicKey, expiresAt: inAnHour() });
      await expect(broker.connectWith(jwt, seed, 'c')).rejects.toThrow(refusal);
      await other.stop();
    });

    test.each([
      ['a name that is another’s', () => forged({ name: 'b' })],
      [
        'permissions of its own',
        () => forged({ nats: { type: 'user', version: 2, pub: { allow: ['>'] }, sub: { allow: ['>'] } } }),
      ],
      ['itself as the issuer', () => forged({ iss: publicKey }, user)],
      [
        'the server’s account',
        () => forged({ nats: { type: 'user', version: 2, issuer_account: broker.authority.accounts.server } }),
      ],
    ])('one that the agent has changed and signed itself is refused: %s', (_what, jwt) =>
      expect(broker.connectWith(jwt(), seed, 'c')).rejects.toThrow(refusal),
    );

    test('nobody is let in without any', () => expect(broker.connectWith('', seed, 'c')).rejects.toThrow(refusal));
  });

  test('the agent library with its credentials registers, beats and is notified', async () => {
    const text = issueAgentCredentials(broker.authority, { clientId: 'lib', expiresAt: inAnHour() });
    const credentials = parseCredentials(text);
    const seen: string[] = [];
    const agent = await Agent.start({
      id: 'lib',
      server: broker.url,
      credentials: () => credentials,
      ips: ['192.168.0.9'],
      store: {
        load: async () => ({ registered: false, installed: {}, settings: null, policy: null, results: [] }),
        save: async () => undefined,
      },
      applySettings: async () => undefined,
      applyUpdate: async () => undefined,
      onEvent: (event) => void seen.push(event.type),
    });
    await system.untilStatus('lib', 'Online');
    await system.rest.send('PATCH', '/v1/clients/lib/settings', { scan: { schedule: 'daily' } });
    await until(() => seen.includes('settings-applied'));
    await until(
      () => system.client('lib'),
      ({ undelivered }) => undelivered === 0,
    );
    await agent.leave();
    expect(await system.untilStatus('lib', 'Offline')).toMatchObject({ undelivered: 0 });
  });
});
