import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { contactStream } from '#contracts';
import { until } from '../helpers/conditions.js';
import { type LogReader, openLog } from '../helpers/log.js';
import { startSystem, type System } from '../helpers/system.js';

const id = 'pc-17';

let system: System;
let log: LogReader;

beforeAll(async () => {
  system = await startSystem();
  log = openLog(system.databaseUrl);
  await system.request(id, 'register', { ips: [] });
});
afterAll(async () => {
  await log.end();
  await system.stop();
});

const resets = async () =>
  (await log.facts<{ reason: string; epoch: number }>('lane-source-reset')).map(({ data }) => data);
const beat = async () =>
  (await system.nats.request(`reachback.v1.${id}.heartbeat`, '', { timeout: 1_000 })).json<{ seq: number }>().seq;
const beatsInLog = async () => (await log.contacts('heartbeat')).get(id) ?? 0;

/** Deletes the stream and makes it anew, as an administrator of the broker might. */
const replaceStream = async () => {
  const manager = await jetstreamManager(system.nats);
  const { config } = await manager.streams.info(contactStream.name);
  await manager.streams.delete(contactStream.name);
  return { manager, config };
};

test('at the first start the stream is made, and a fact says so', async () => {
  expect(await resets()).toMatchObject([{ reason: 'created', epoch: 1 }]);
});

test('a stream deleted under the running server is made anew: a new epoch, a fact, no silent skip', async () => {
  for (let i = 0; i < 5; i++) await beat();
  await until(beatsInLog, (count) => count === 5);
  await replaceStream();
  await until(resets, (all) => all.length === 2);
  expect((await resets())[1]).toMatchObject({ reason: 'recreated', epoch: 2 });
  // Its sequence numbers begin at 1 again, below the old watermark; every beat counts all the same.
  for (let i = 0; i < 5; i++) await until(beat, (sequence) => sequence > 0);
  await until(beatsInLog, (count) => count === 10);
  expect(await log.gaps()).toBe(0);
});

test('a stream deleted and made anew under a stopped server, with beats already in it: none is skipped', async () => {
  await system.server.stop();
  const { manager, config } = await replaceStream();
  await manager.streams.add(config);
  for (let i = 0; i < 7; i++) await beat();
  await system.restart();
  await until(resets, (all) => all.length === 3);
  expect((await resets())[2]).toMatchObject({ reason: 'recreated', epoch: 3 });
  await until(beatsInLog, (count) => count === 17);
  expect(await log.gaps()).toBe(0);
});

test('messages that the stream lost before they were read are said to be lost', async () => {
  await system.server.stop();
  for (let i = 0; i < 3; i++) await beat();
  await (await jetstreamManager(system.nats)).streams.purge(contactStream.name);
  await beat();
  await system.restart();
  await until(resets, (all) => all.length === 4);
  expect((await resets())[3]).toMatchObject({ reason: 'messages-lost' });
  await until(beatsInLog, (count) => count === 18);
});
