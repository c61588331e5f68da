import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { NatsConnection } from '@nats-io/transport-node';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, type AgentEvent, fileIdentity, memoryState } from '#agent';
import type { Client, WorkReply } from '#contracts';
import { openDatabase } from '#event-log';
import { until } from '../helpers/conditions.js';
import { startDetour } from '../helpers/detour.js';
import { brokersToTry } from '../helpers/secure-broker.js';
import { makeToken, type SecureSystem, startSecureSystem } from '../helpers/secure-system.js';

const rhythm = { heartbeat: { interval: 'PT1S' }, poll: { interval: 'PT1S' }, offlineAfter: 'PT30S' };
type Copy = { readonly clientId: string; readonly instances: readonly object[] };
type Counted = { readonly instance: string; readonly sequence: number };
/** Who polls as a client, with what it says of its process. */
type Process = {
  readonly poll: (counted: Partial<Counted>) => Promise<WorkReply>;
  readonly beat: () => void;
  readonly close: () => Promise<void>;
};

describe.each(brokersToTry)('a machine that was copied while it ran, with %s', (_, program) => {
  let system: SecureSystem;
  let elsewhere: Awaited<ReturnType<typeof startDetour>>;
  let server: NatsConnection;
  let folder: string;
  const ends: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'reachback-running-copies-'));
    system = await startSecureSystem(program);
    elsewhere = await startDetour(system.broker.port, '127.0.0.2');
    server = await system.broker.connectAs('server');
    await system.rest.send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/8'] }]);
    await system.rest.send('PATCH', '/v1/settings', { reachback: rhythm });
  }, 240_000);
  afterAll(async () => {
    for (const end of ends) await end();
    await server.close();
    await elsewhere.stop();
    await system.stop();
    await rm(folder, { recursive: true });
  });

  const client = (id: string) => system.rest.get<Client>(`/v1/clients/${id}`);
  const copyOf = async (id: string): Promise<Copy | undefined> =>
    (await system.rest.get<{ items: readonly Copy[] }>('/v1/copies')).items.find(({ clientId }) => clientId === id);

  const startAgent = async (id: string) => {
    const { token } = await makeToken(system.rest);
    const events: AgentEvent[] = [];
    const agent = await Agent.start({
      id,
      server: system.broker.url,
      ips: ['10.0.0.1'],
      store: memoryState(),
      identity: { store: fileIdentity(join(folder, id)), token },
      applySettings: async () => undefined,
      applyUpdate: async () => undefined,
      onEvent: (event) => events.push(event),
    });
    ends.push(() => agent.stop());
    return events;
  };
  /** What speaks with the credential of an agent, from another address. */
  const speakAs = async (id: string): Promise<Process> => {
    const identity = await until(() => fileIdentity(join(folder, id)).load());
    const seed = new TextEncoder().encode(identity?.seed);
    const nats = await system.broker.connectWith(identity?.jwt ?? '', seed, id, elsewhere.url);
    ends.push(() => nats.close());
    return {
      poll: async (counted) => {
        const body = JSON.stringify({ ...counted, ips: ['10.0.0.2'], time: new Date() });
        return (await nats.request(`reachback.v1.${id}.poll`, body, { timeout: 20_000 })).json<WorkReply>();
      },
      beat: () => nats.publish(`reachback.v1.${id}.heartbeat`),
      close: () => nats.close(),
    };
  };
  /** What an agent says of its process with its next poll. */
  const heard = async (id: string): Promise<Counted> => {
    const subscription = server.subscribe(`reachback.v1.${id}.poll`, { max: 1 });
    for await (const message of subscription) {
      const { instance, sequence } = message.json<Counted>();
      return { instance, sequence };
    }
    throw new Error('nobody polls');
  };

  test('of two with one number and one count the slower is asked for a number of its own, and with `split` becomes a client of its own', async () => {
    const events = await startAgent('vm-1');
    await heard('vm-1');
    const { status } = await system.rest.send('PATCH', '/v1/clients/vm-1/settings', { reachback: { copies: 'split' } });
    expect(status).toBe(200);
    const { instance, sequence } = await heard('vm-1');
    const copy = await speakAs('vm-1');
    let next = sequence;
    // It runs on faster than the agent, which is then the one that the server finds behind.
    for (let i = 0; i < 20; i++)
      expect(await copy.poll({ instance, sequence: ++next })).not.toHaveProperty('renewInstance');
    const renewed = await until(
      () => heard('vm-1'),
      (now) => now.instance !== instance,
    );
    expect(renewed).toMatchObject({ sequence: 1 });
    const split = await until(async () => {
      expect(await copy.poll({ instance, sequence: ++next })).not.toHaveProperty('renewInstance');
      return events.find((event) => event.type === 'split');
    });
    const clientId = split?.clientId ?? '';
    expect(await until(() => client(clientId))).toMatchObject({ splitFrom: 'vm-1', copied: false });
    const { items } = await system.rest.get<{ items: readonly { data: Copy }[] }>(
      '/v1/events?client=vm-1&type=client-copied',
    );
    expect(items.map(({ data }) => data)).toEqual([
      {
        instances: [
          { instance, address: '127.0.0.2', ips: ['10.0.0.2'] },
          { instance: renewed.instance, address: '127.0.0.1', ips: ['10.0.0.1'] },
        ],
      },
    ]);
    await until(
      () => client('vm-1'),
      ({ copied }) => !copied,
    );
  }, 120_000);

  test('one that was set back to a state of its own is asked too, and is no copy; one of sixteen polls is written down', async () => {
    await startAgent('vm-2');
    const { instance } = await heard('vm-2');
    await ends.pop()?.();
    const machine = await speakAs('vm-2');
    const db = openDatabase({ url: system.databaseUrl, connections: 1 });
    const stored = async () =>
      (await db`SELECT xmin::text AS version, sequence FROM client_instance WHERE client_id = 'vm-2'`)[0];
    await machine.poll({ instance, sequence: 1_000 });
    const before = await stored();
    for (let i = 1; i < 16; i++) await machine.poll({ instance, sequence: 1_000 + i });
    expect(await stored()).toEqual(before);
    await machine.poll({ instance, sequence: 1_016 });
    expect(await stored()).toMatchObject({ sequence: 1_016 });
    await db.end();

    expect(await machine.poll({ instance, sequence: 1_010 })).toMatchObject({ renewInstance: true });
    for (let sequence = 1; sequence < 4; sequence++) {
      expect(await machine.poll({ instance: 'another', sequence })).not.toHaveProperty('renewInstance');
    }
    expect(await client('vm-2')).toMatchObject({ copied: false });
    // Were there two, the other would speak on.
    await machine.poll({ instance, sequence: 1_017 });
    expect(await copyOf('vm-2')).toMatchObject({ instances: [{ instance }, { instance: 'another' }] });
  }, 120_000);
});
