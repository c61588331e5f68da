import { afterEach, describe, expect, test } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { contactStream, createLanes, laneMappings, publishedKinds, requestKinds, subjects } from '#contracts';
import { startTestNats, type TestServer } from '#embedded';
import { assertMapped, ensureContactStream, LanesNotMappedError } from '#intake';

/** A current NATS, whose streams transform subjects, beside the usual one, which has mappings. */
const current = process.env['REACHBACK_NATS_SERVER_CURRENT'];
const ids = ['a', 'pc-17', '_', 'Z'.repeat(64), ...Array.from({ length: 500 }, (_, i) => `client_${i * 7919}`)];

let broker: TestServer | undefined;
let nats: NatsConnection | undefined;
afterEach(async () => {
  await nats?.close();
  await broker?.stop();
});

const open = async (options: Parameters<typeof startTestNats>[0]) => {
  broker = await startTestNats(options);
  nats = await connect({ servers: broker.url });
  return { nats, manager: await jetstreamManager(nats) };
};

/** Publishes as each client, and reads from the stream in which lane it was put. */
const proveSameLanes = async (count: number, options: Parameters<typeof startTestNats>[0]): Promise<void> => {
  const lanes = createLanes(count);
  const { nats: agent, manager } = await open(options);
  await ensureContactStream(agent, manager, lanes);
  for (const lane of lanes.ids) await assertMapped(agent, manager, lanes, lane);
  for (const [i, id] of ids.entries()) {
    const kind = publishedKinds[i % publishedKinds.length] ?? 'heartbeat';
    const receipt = (await agent.request(subjects.agent(id, kind))).json<{ stream: string; seq: number }>();
    expect(receipt.stream).toBe(contactStream.name);
    const stored = await manager.streams.getMessage(contactStream.name, { seq: receipt.seq });
    expect(stored?.subject).toBe(`reachback.internal.v1.lane.${lanes.of(id)}.agent.${id}.${kind}`);
  }
  expect(new Set(ids.map(lanes.of)).size).toBe(count);
  await proveRequestsPass(agent);
};

/** A request goes to whoever answers it, not into a stream. */
const proveRequestsPass = async (agent: NatsConnection): Promise<void> => {
  for (const kind of requestKinds) {
    agent.subscribe(subjects.allAgents(kind), { callback: (_, message) => void message.respond(kind), max: 1 });
    expect((await agent.request(subjects.agent('pc-17', kind))).string()).toBe(kind);
  }
};

describe('a client is in the lane that the broker puts its messages into', () => {
  test.each([2, 7, 8])('NATS 2.9 with the mappings of %i lanes', async (count) => {
    await proveSameLanes(count, { mappings: laneMappings(count) });
  });

  (current === undefined ? test.skip.each : test.each)([2, 7, 8])(
    'a current NATS with %i lanes, without mappings and with (skipped unless REACHBACK_NATS_SERVER_CURRENT names one)',
    async (count) => {
      await proveSameLanes(count, { program: current ?? '' });
      await nats?.close();
      await broker?.stop();
      await proveSameLanes(count, { program: current ?? '', mappings: laneMappings(count) });
    },
  );
});

describe('a broker that is not set up for the lanes is noticed', () => {
  const lanes = createLanes(8);

  test('no mappings: only a NATS whose streams transform subjects will do', async () => {
    const { nats: server, manager } = await open({});
    await ensureContactStream(server, manager, lanes);
    const { config } = await manager.streams.info(contactStream.name);
    const looked = assertMapped(server, manager, lanes, 0);
    if (config.subject_transform) await expect(looked).resolves.toBeUndefined();
    else await expect(looked).rejects.toThrow(LanesNotMappedError);
  });

  test('mappings for another number of lanes', async () => {
    const { nats: server, manager } = await open({ mappings: laneMappings(7) });
    await ensureContactStream(server, manager, lanes);
    const looks = await Promise.allSettled(lanes.ids.map((lane) => assertMapped(server, manager, lanes, lane)));
    expect(looks.filter(({ status }) => status === 'rejected')).not.toHaveLength(0);
  });

  test('a stream that was made for one lane', async () => {
    const { nats: server, manager } = await open({});
    await ensureContactStream(server, manager, createLanes(1));
    await expect(assertMapped(server, manager, lanes, 3)).rejects.toThrow('"reachback.v1.*.heartbeat"');
  });
});
