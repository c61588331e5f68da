import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { NatsConnection } from '@nats-io/transport-node';
import { connect as connectTcp, type Socket } from 'node:net';
import type { Client } from '#contracts';
import { anyFreePort } from '#embedded';
import { type Signer, signerOf } from '../../libs/identity/src/signer.js';
import { until } from '../helpers/conditions.js';
import { startDetour } from '../helpers/detour.js';
import { scrape } from '../helpers/metrics.js';
import { connectMqtt, makeSecret, type MqttAgent } from '../helpers/mqtt.js';
import { brokersToTry } from '../helpers/secure-broker.js';
import { makeKey, makeToken, type SecureSystem, startSecureSystem } from '../helpers/secure-system.js';

type Credential = { readonly publicKey: string; readonly state: string; readonly suspendedUntil: string | null };
type Facts = {
  readonly items: readonly { readonly data: { readonly until?: string }; readonly meta: { readonly actor: string } }[];
};
type Copy = { readonly clientId: string; readonly detectedAt: string; readonly instances: readonly object[] };
type Enrolled = {
  /** One more connection. */
  readonly dial: () => Promise<Socket>;
  /** `url`: another way to the broker than its own address. */
  readonly connect: (url?: string) => Promise<NatsConnection>;
};

/** The machine may be busy with other tests. */
const patiently = { timeout: 20_000 };

/**
 * Connects without a client library, as who means harm would; rejects with what the broker said when it is not let in. One
 * of NATS signs in JavaScript, which takes longer than the broker waits where a hundred do it.
 */
const dial = (url: string, jwt: string, signer: Signer): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const { hostname: host, port } = new URL(url);
    const socket = connectTcp({ host, port: Number(port) });
    let said = '';
    let isSent = false;
    socket.on('data', (part) => {
      said += String(part);
      const [, info] = /^INFO (\{.*\})/.exec(said) ?? [];
      if (info !== undefined && !isSent) {
        isSent = true;
        const { nonce } = JSON.parse(info) as { readonly nonce: string };
        const sig = Buffer.from(signer.sign(Buffer.from(nonce))).toString('base64url');
        // What a client calls itself is no reason not to find it.
        const asked = { verbose: false, pedantic: false, protocol: 1, jwt, sig, user: String(Math.random()) };
        socket.write(`CONNECT ${JSON.stringify(asked)}\r\nPING\r\n`);
      }
      if (said.includes('PONG')) resolve(socket);
    });
    socket.on('error', () => undefined);
    socket.once('close', () => reject(new Error(said)));
  });

describe.each(brokersToTry)('one credential that opens many connections, with %s', (_, program) => {
  let system: SecureSystem;
  let mqttPort: number;
  let neighbour: NatsConnection;
  let elsewhere: Awaited<ReturnType<typeof startDetour>>;

  beforeAll(async () => {
    mqttPort = await anyFreePort();
    system = await startSecureSystem(program, { REACHBACK_COPY_INTERVAL: 'PT1S' }, { mqtt: mqttPort });
    elsewhere = await startDetour(system.broker.port, '127.0.0.2');
    neighbour = await (await enrolled('neighbour')).connect();
    await neighbour.request('reachback.v1.neighbour.register', '{}', patiently);
  }, 240_000);
  afterAll(async () => {
    await neighbour.close();
    await elsewhere.stop();
    await system.stop();
  });

  const present = async (clientId: string, body: object): Promise<string> => {
    const { token } = await makeToken(system.rest);
    const answer = await fetch(`${system.server.url}/v1/enrolments`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ token, clientId, ...body }),
    });
    return ((await answer.json()) as { readonly jwt: string }).jwt;
  };
  const enrolled = async (clientId: string): Promise<Enrolled> => {
    const { publicKey, seed } = makeKey();
    const jwt = await present(clientId, { publicKey });
    const signer = signerOf(new TextDecoder().decode(seed));
    return {
      dial: () => dial(system.broker.url, jwt, signer),
      connect: (url) => system.broker.connectWith(jwt, seed, clientId, url),
    };
  };
  const credentialOf = async (id: string): Promise<Credential | undefined> => {
    const { items } = await system.rest.get<{ items: readonly Credential[] }>(`/v1/clients/${id}/credentials`);
    return items[0];
  };
  const suspensionsOf = async (id: string) =>
    (await system.rest.get<Facts>(`/v1/events?type=credential-suspended&client=${id}`)).items;
  /** Who was shut out; a minute later is time for something else. */
  const suspended: { readonly id: string; readonly client: Enrolled }[] = [];
  const untilLetIn = ({ dial }: Enrolled) => until(dial, Boolean, { seconds: 120, pause: 500 });
  const untilCut = (open: readonly Socket[]) => until(() => open.every(({ closed }) => closed));
  /** Those who were let in. */
  const dialMany = async ({ dial }: Enrolled, times: number): Promise<readonly Socket[]> => {
    const all = await Promise.allSettled(Array.from({ length: times }, dial));
    return all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  };

  test('is cut off alone, counted and shown', async () => {
    const flood = await enrolled('flood');
    const before = await neighbour.request('reachback.v1.neighbour.poll', '{}', patiently);
    expect(before.json()).toMatchObject({ more: false });
    const open = await dialMany(flood, 100);
    expect(open.length).toBeGreaterThan(16);
    await untilCut(open);
    await expect(flood.dial()).rejects.toThrow(/authorization/i);

    const shown = await credentialOf('flood');
    expect(shown).toMatchObject({ state: 'suspended', suspendedUntil: expect.any(String) });
    const [fact, ...more] = await suspensionsOf('flood');
    expect(more).toEqual([]);
    expect(fact?.meta.actor).toBe('system');
    const { publicKey, suspendedUntil } = shown ?? {};
    expect(fact?.data).toEqual({ publicKey, connections: expect.any(Number), until: suspendedUntil });
    expect(Number((fact?.data as { connections: number }).connections)).toBeGreaterThan(16);
    expect((await scrape(system.server)).value('reachback_credentials_suspended_total')).toBe(1);
    expect(system.server.log()).toContain('too many connections');

    expect(neighbour.isClosed()).toBe(false);
    await neighbour.request('reachback.v1.neighbour.heartbeat', '{}', patiently);
    expect((await neighbour.request('reachback.v1.neighbour.poll', '{}', patiently)).json()).toMatchObject({
      more: false,
    });
    expect(await credentialOf('neighbour')).toMatchObject({ state: 'valid', suspendedUntil: null });
    await until(async () => (await system.rest.get<Client>('/v1/clients/neighbour')).lastHeartbeatAt !== null);
    suspended.push({ id: 'flood', client: flood });
  }, 240_000);

  test('a server killed as soon as it is written shuts it out all the same', async () => {
    const killed = await enrolled('killed');
    const open = await dialMany(killed, 20);
    await until(async () => (await suspensionsOf('killed')).length > 0, Boolean, { pause: 5 });
    await system.server.kill();
    await system.restart();
    await untilCut(open);
    await expect(killed.dial()).rejects.toThrow(/authorization/i);
    suspended.push({ id: 'killed', client: killed });
  }, 240_000);

  test('up to 16 are nobody’s business, and one that holds more when a server starts is found too', async () => {
    const held = await enrolled('held');
    const open = [...(await dialMany(held, 16))];
    await system.server.kill();
    open.push(await held.dial());
    expect(open.map(({ closed }) => closed)).toEqual(Array<boolean>(17).fill(false));
    await system.restart();
    await untilCut(open);
    expect((await suspensionsOf('held')).map(({ data }) => data)).toMatchObject([{ connections: 17 }]);
  }, 240_000);

  test('over MQTT likewise', async () => {
    const jwt = await present('mqtt-flood', { secret: makeSecret() });
    const agents: MqttAgent[] = [];
    for (let i = 0; i < 40; i++)
      await connectMqtt(mqttPort, 'mqtt-flood', jwt).then(
        (one) => agents.push(one),
        () => undefined,
      );
    await until(() => agents.every(({ client }) => !client.connected));
    await expect(connectMqtt(mqttPort, 'mqtt-flood', jwt)).rejects.toThrow(/authorized/i);
    expect(await credentialOf('mqtt-flood')).toMatchObject({ state: 'suspended' });
    expect(neighbour.isClosed()).toBe(false);
  }, 240_000);

  const copyOf = async (id: string): Promise<Copy | undefined> =>
    (await system.rest.get<{ items: readonly Copy[] }>('/v1/copies')).items.find(({ clientId }) => clientId === id);
  const ask = async (nats: NatsConnection, id: string, kind: string, body: object = {}) =>
    (await nats.request(`reachback.v1.${id}.${kind}`, JSON.stringify(body), patiently)).json<object>();

  test('two machines that only beat are found out by their connections; a connection left behind by one is none', async () => {
    const [moved, twins] = [await enrolled('moved'), await enrolled('twins')];
    const left = await moved.connect();
    await ask(left, 'moved', 'register');
    const still = await moved.connect(elsewhere.url);
    const [one, two] = [await twins.connect(), await twins.connect(elsewhere.url)];
    await ask(one, 'twins', 'register');
    const untilFound = (since = '') =>
      until(
        () => {
          still.publish('reachback.v1.moved.heartbeat');
          for (const nats of [one, two]) nats.publish('reachback.v1.twins.heartbeat');
          return copyOf('twins');
        },
        (copy) => copy !== undefined && copy.detectedAt > since,
      );
    const found = await untilFound();
    expect(found?.instances).toEqual(
      ['127.0.0.1', '127.0.0.2'].map((address) => ({ instance: null, address, ips: [] })),
    );
    expect(await system.rest.get<Client>('/v1/clients/twins')).toMatchObject({ copied: true });
    // It was looked at before them each time.
    expect(await copyOf('moved')).toBeUndefined();
    expect(await system.rest.get<Client>('/v1/clients/moved')).toMatchObject({ copied: false });
    const facts = async () =>
      (await system.rest.get<Facts>('/v1/events?type=client-copied&client=twins')).items.map(({ meta }) => meta.actor);
    expect(await facts()).toEqual(['system']);

    expect((await system.rest.send('POST', '/v1/clients/twins/copies/dismiss')).status).toBe(204);
    await untilFound(found?.detectedAt);
    expect(await facts()).toEqual(['system', 'system']);

    // Who is to be refused is known once they say which processes they are; until then neither gets work.
    await system.rest.send('PATCH', '/v1/clients/twins/settings', { reachback: { copies: 'refuse' } });
    const withheld = { warnings: [expect.stringMatching(/administrator/)], settings: null };
    const poll = (nats: NatsConnection, instance?: string) =>
      ask(nats, 'twins', 'poll', { instance, time: new Date() });
    for (const nats of [one, two]) expect(await poll(nats)).toMatchObject(withheld);
    expect(await poll(one, 'one')).toMatchObject(withheld);
    expect(await poll(two, 'two')).toMatchObject(withheld);
    expect(await poll(one, 'one')).toMatchObject({ warnings: [], settings: expect.anything() });
    expect(await poll(two, 'two')).toMatchObject({ error: { code: 'copied' } });
    expect(await copyOf('twins')).toMatchObject({ instances: [{ instance: 'one' }, { instance: 'two' }] });
    for (const nats of [left, still, one, two]) await nats.close();
  }, 240_000);

  test('over MQTT they are found out likewise', async () => {
    const jwt = await present('mqtt-twins', { secret: makeSecret() });
    const twins = [await connectMqtt(mqttPort, 'mqtt-twins', jwt), await connectMqtt(mqttPort, 'mqtt-twins', jwt)];
    await twins[0]?.request('register');
    const found = await until(async () => {
      for (const { publish } of twins) await publish('heartbeat');
      return copyOf('mqtt-twins');
    });
    expect(found?.instances).toMatchObject([{ address: '127.0.0.1' }, { address: '127.0.0.1' }]);
    for (const { end } of twins) await end();
  }, 240_000);

  test('a minute after it was cut off, and not sooner, it is let in again; also by a server that was killed meanwhile', async () => {
    expect(suspended.map(({ id }) => id)).toEqual(['flood', 'killed']);
    await Promise.all(
      suspended.map(async ({ id, client }) => {
        const [fact] = await suspensionsOf(id);
        (await untilLetIn(client)).destroy();
        expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(fact?.data.until ?? ''));
        const back = await client.connect();
        expect(await ask(back, id, 'register')).toMatchObject({ warnings: [] });
        expect(await credentialOf(id)).toMatchObject({ state: 'valid', suspendedUntil: null });
        expect(await suspensionsOf(id)).toHaveLength(1);
        await back.close();
      }),
    );
  }, 240_000);
});
