import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { contactStream, createLanes } from '#contracts';
import { startTestNats, type TestServer } from '#embedded';
import { Source } from './source.js';
import { ensureContactStream } from './stream.js';

let broker: TestServer;
let nats: NatsConnection;
let source: Source;

beforeAll(async () => {
  broker = await startTestNats();
});
afterAll(() => broker.stop());

beforeEach(async () => {
  nats = await connect({ servers: broker.url });
  const manager = await jetstreamManager(nats);
  await ensureContactStream(nats, manager, createLanes(1));
  source = await Source.open(nats, manager, { sequence: 1 });
});
afterEach(async () => {
  source.end(new Error('The test is over.'));
  await (await jetstreamManager(nats)).streams.delete(contactStream.name);
  await nats.close();
});

const beat = (count: number): void => {
  for (let i = 0; i < count; i++) nats.publish(`reachback.v1.pc-${i}.heartbeat`);
};

/** Sequences of so many messages, by the takes they came in. */
const takeAll = async (count: number): Promise<readonly (readonly number[])[]> => {
  const takes: (readonly number[])[] = [];
  for (let left = count; left > 0;) {
    const messages = await source.take(10_000);
    takes.push(messages.map(({ sequence }) => sequence));
    left -= messages.length;
  }
  return takes;
};

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i + 1);

describe('a source', () => {
  test('hands over at once what comes alone', async () => {
    for (let i = 1; i <= 3; i++) {
      beat(1);
      expect(await takeAll(1)).toEqual([[i]]);
    }
  });

  test('hands over together what comes together', async () => {
    beat(1);
    await takeAll(1);
    beat(200);
    // The first may come before the rest; what came meanwhile is asked for at once.
    expect((await takeAll(200)).length).toBeLessThan(10);
  });

  test('asks 25 times a second at most while the broker has no more', async () => {
    const begun = performance.now();
    const count = 150;
    const beating = setInterval(() => beat(1), 2);
    const taken: number[] = [];
    let takes = 0;
    for (; taken.length < count; takes++) taken.push(...(await source.take(10_000)).map(({ sequence }) => sequence));
    clearInterval(beating);
    expect(taken).toEqual(upTo(taken.length));
    // One more for the request that waited, and one that followed it.
    expect(takes).toBeLessThanOrEqual((performance.now() - begun) / 40 + 2);
  });

  test('reads a backlog of many requests in order, and goes on after it', async () => {
    const count = 30_000;
    beat(count);
    const takes = await takeAll(count);
    expect(takes.flat()).toEqual(upTo(count));
    beat(1);
    expect(await takeAll(1)).toEqual([[count + 1]]);
  });
});
