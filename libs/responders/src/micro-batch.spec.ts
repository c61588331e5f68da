import { describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { microBatch } from './micro-batch.js';

type Item = { readonly client: string; readonly weight?: number };

/** Batches that end when they are let go. */
const held = () => {
  const running: (() => void)[] = [];
  const batch = microBatch<Item>({
    run: () => new Promise((resolve) => running.push(resolve)),
    keyOf: ({ client }) => client,
    ...{ weightOf: () => 1, maxWeight: 500 },
    concurrency: 1,
    pace: 0,
  });
  return { batch, letGo: () => running.shift()?.() };
};

describe('how long requests wait for their turn', () => {
  test('is nothing while they are served at once', () => {
    const { batch } = held();
    batch.add({ client: 'a' });
    expect(batch.wait()).toBe(0);
  });

  test('is as long as the longest of them', async () => {
    const { batch, letGo } = held();
    batch.add({ client: 'a' });
    batch.add({ client: 'b' });
    await sleep(20);
    batch.add({ client: 'c' });
    expect(batch.wait()).toBeGreaterThanOrEqual(15);
    letGo();
    await sleep(0);
    expect(batch.wait()).toBe(0);
  });

  test('G12: a client that asks again and again waits for itself, which says nothing of the others', async () => {
    const { batch, letGo } = held();
    for (let i = 0; i < 600; i++) batch.add({ client: 'flood' });
    await sleep(20);
    expect(batch.wait()).toBe(0);
    batch.add({ client: 'neighbour' });
    letGo();
    await sleep(0);
    expect(batch.wait()).toBe(0);
  });
});

describe('the pace of batches', () => {
  const paced = (maxWeight: number, pace = 200) => {
    const ran: string[][] = [];
    const batch = microBatch<Item>({
      run: (items) => Promise.resolve(void ran.push(items.map(({ client }) => client))),
      keyOf: ({ client }) => client,
      weightOf: ({ weight = 1 }) => weight,
      ...{ maxWeight, concurrency: 2, pace },
    });
    return { batch, ran };
  };

  test('an item that comes alone runs at once; those that come soon after it run together', async () => {
    const { batch, ran } = paced(500);
    batch.add({ client: 'a' });
    expect(ran).toEqual([['a']]);
    batch.add({ client: 'b' });
    batch.add({ client: 'c' });
    expect(ran).toEqual([['a']]);
    await batch.idle();
    expect(ran).toEqual([['a'], ['b', 'c']]);
  });

  test('what comes after a batch that took no time waits for none', async () => {
    const { batch, ran } = paced(500, 3_600_000);
    batch.add({ client: 'a' });
    await batch.idle();
    batch.add({ client: 'b' });
    await batch.idle();
    expect(ran).toEqual([['a'], ['b']]);
  });

  test('a full batch waits for nothing', () => {
    const { batch, ran } = paced(2);
    for (const client of ['a', 'b', 'c']) batch.add({ client });
    expect(ran).toEqual([['a'], ['b', 'c']]);
  });

  test('a batch holds fewer items that weigh more, and nobody goes past one that finds no room', async () => {
    const { batch, ran } = paced(5);
    batch.add({ client: 'a' });
    for (const client of ['b', 'c']) batch.add({ client, weight: 4 });
    batch.add({ client: 'd' });
    expect(ran).toEqual([['a'], ['b']]);
    await batch.idle();
    expect(ran).toEqual([['a'], ['b'], ['c', 'd']]);
  });
});
