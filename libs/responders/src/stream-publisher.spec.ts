import { jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { startTestNats, type TestServer } from '#embedded';
import { createStreamPublisher, type StreamPublisher } from './stream-publisher.js';

let broker: TestServer;
let nats: NatsConnection;
let publisher: StreamPublisher;

beforeAll(async () => {
  broker = await startTestNats();
  nats = await connect({ servers: broker.url });
  const manager = await jetstreamManager(nats);
  await manager.streams.add({ name: 'contacts', subjects: ['contact.>'], max_msg_size: 100 });
});
afterAll(async () => {
  await nats.close();
  await broker.stop();
});

beforeEach(() => {
  publisher = createStreamPublisher(nats);
});
afterEach(() => publisher.stop());

const withId = (id: string) => {
  const h = headers();
  h.set('Nats-Msg-Id', id);
  return { headers: h };
};

test('tells the sequence under which each message is stored', async () => {
  const stored = await Promise.all([1, 2, 3].map((n) => publisher.publish(`contact.${n}`, '{}')));
  expect(stored).toEqual([1, 2, 3]);
});

test('a message that comes again under its id has the sequence of the first', async () => {
  const first = await publisher.publish('contact.a', '{}', withId('once'));
  expect(await publisher.publish('contact.a', '{}', withId('once'))).toBe(first);
});

test('fails where no stream takes the subject', async () => {
  await expect(publisher.publish('elsewhere', '{}')).rejects.toThrow('No stream takes it.');
});

test('fails where the stream refuses the message, and says why', async () => {
  await expect(publisher.publish('contact.a', 'x'.repeat(200))).rejects.toThrow('message size exceeds maximum');
});

test('waits at its end for what is under way', async () => {
  const stored = publisher.publish('contact.a', '{}');
  await publisher.stop();
  expect(await stored).toBeGreaterThan(0);
});

test('fails at its end what was not answered', async () => {
  const silent = nats.subscribe('silent', { callback: () => undefined });
  const stored = expect(publisher.publish('silent', '{}')).rejects.toThrow('stopping');
  await publisher.stop();
  await stored;
  silent.unsubscribe();
});
