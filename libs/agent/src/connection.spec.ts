import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestNats, type TestServer } from '#embedded';
import { type Link, openLink } from './connection.js';

let broker: TestServer;
let link: Link;

beforeAll(async () => {
  broker = await startTestNats();
  link = await openLink({ server: broker.url, name: 'pc-1', inbox: 'pc-1' });
}, 60_000);
afterAll(async () => {
  await link.close();
  await broker.stop();
});

test('a request that nobody was there to hear is sent a second time, and no third', async () => {
  const answer = link.request('a', 'question', 5_000);
  // On the same connection, so behind the request: the broker has told that nobody is there before it learns of this.
  link.subscribe('a', (message) => void message.respond(`answer to ${message.string()}`));
  expect((await answer).string()).toBe('answer to question');
  await expect(link.request('b', '', 5_000)).rejects.toThrow(/no responders/);
});
