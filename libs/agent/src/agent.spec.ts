import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { EventEmitter, once } from 'node:events';
import { errorHeader, type WorkReply } from '#contracts';
import { startTestNats, type TestServer } from '#embedded';
import { Agent, memoryState } from './index.js';

const retryAfterSeconds = 60;

let broker: TestServer;
let server: NatsConnection;

/** Answers who connects with this policy, and sends polls away. */
const serve = (policy: (clientId: string) => WorkReply['policy']): void => {
  server.subscribe('reachback.v1.*.register', {
    callback: (_, message) => {
      const clientId = message.subject.split('.')[2] ?? '';
      const time = new Date().toISOString();
      const reply: WorkReply = {
        time,
        policy: policy(clientId),
        settings: null,
        updates: [],
        more: true,
        warnings: [],
      };
      message.respond(JSON.stringify(reply));
    },
  });
  server.subscribe('reachback.v1.*.poll', {
    callback: (_, message) => {
      const h = headers();
      h.set(errorHeader, 'unavailable');
      message.respond(JSON.stringify({ error: { code: 'unavailable', message: 'later', retryAfterSeconds } }), {
        headers: h,
      });
    },
  });
};

/** How many seconds a client waits that was sent away. */
const waitOf = async (id: string): Promise<number | undefined> => {
  const events = new EventEmitter<{ failed: [number | undefined] }>();
  const failed = once(events, 'failed');
  const agent = await Agent.start({
    id,
    server: broker.url,
    store: memoryState(),
    applySettings: async () => undefined,
    applyUpdate: async () => undefined,
    onEvent: (event) => void (event.type === 'failed' && events.emit('failed', event.retryInSeconds)),
  });
  const [wait] = (await failed) as [number | undefined];
  await agent.stop();
  return wait;
};

beforeAll(async () => {
  broker = await startTestNats();
  server = await connect({ servers: broker.url });
  serve((clientId) => ({
    heartbeat: { enabled: clientId === 'beats', interval: 'PT1S' },
    poll: { enabled: true, interval: 'PT10S' },
    offlineAfter: 'PT30S',
    phase: 'PT0S',
  }));
  await server.flush();
}, 60_000);
afterAll(async () => {
  await server.close();
  await broker.stop();
});

test('who is sent away comes back when it was told to, with some chance in it', async () => {
  const wait = await waitOf('beats');
  expect(wait).toBeGreaterThanOrEqual(0.75 * retryAfterSeconds);
  expect(wait).toBeLessThanOrEqual(1.25 * retryAfterSeconds);
});

test('G1 who only polls stays away no longer than from one poll to the next, whatever it was told', async () => {
  const wait = await waitOf('polls');
  expect(wait).toBeGreaterThanOrEqual(7.5);
  expect(wait).toBeLessThanOrEqual(12.5);
});
