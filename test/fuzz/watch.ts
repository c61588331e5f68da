import { expect } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../helpers/conditions.js';
import { openLog } from '../helpers/log.js';
import { scrape } from '../helpers/metrics.js';
import { startBeating } from '../helpers/beating.js';
import type { System } from '../helpers/system.js';
import type { NatsConnection } from '@nats-io/transport-node';

const neighbours = Array.from({ length: 20 }, (_, i) => `neighbour-${i}`);
const pause = 500;
/**
 * What the heap may have grown, in bytes: from the least in the second quarter of a run to the least in the last. The
 * least of many looks is what is left after a collection.
 */
const growth = 24 * 1024 * 1024;
/** In fewer looks, a few minutes, a server has not come to rest. */
const enough = 400;

/** Looks after the server, and after clients that beat all the while, and says at the end whether anything suffered. */
export const watch = async (system: System, nats: NatsConnection) => {
  await Promise.all(neighbours.map((id) => system.request(id, 'register', { ips: ['10.0.0.1'] }, { timeout: 60_000 })));
  const beating = startBeating(nats, { ids: neighbours, interval: 1_000, receiptTimeout: 30_000 });
  const { url } = system.server;
  const notReady: number[] = [];
  const heap: number[] = [];
  const resident: number[] = [];
  let isOver = false;
  const look = async (): Promise<void> => {
    while (!isOver) {
      const { status } = await fetch(`${url}/readyz`);
      if (status !== 200) notReady.push(status);
      const metrics = await scrape(system.server);
      heap.push(metrics.value('nodejs_heap_size_used_bytes') ?? Number.NaN);
      resident.push(metrics.value('process_resident_memory_bytes') ?? Number.NaN);
      await sleep(pause);
    }
  };
  const looking = look();
  return async (): Promise<void> => {
    await until(
      async () => (await scrape(system.server)).value('reachback_intake_lag_seconds', { lane: '0' }),
      (lag = 9) => lag < 1,
      {
        seconds: 60,
      },
    );
    isOver = true;
    await looking;
    await beating.stop();
    await expectBeats(system.databaseUrl, beating.stored);
    // A busy machine may now and then be late to answer for the broker or the database.
    expect(notReady.length).toBeLessThanOrEqual(heap.length / 20);
    const [early, late] = [least(heap, 0.25, 0.5), least(heap, 0.75, 1)];
    say(
      `heap ${mib(early)} then ${mib(late)}, resident ${mib(least(resident, 0.25, 0.5))} then ${mib(least(resident, 0.75, 1))}`,
    );
    if (heap.length >= enough) expect(late - early).toBeLessThan(growth);
    expect(system.server.process.exitCode).toBe(null);
    const failed = system.server
      .log()
      .split('\n')
      .filter((line) => /"level":[56]0|Unhandled|Warning: /.test(line));
    expect(failed.slice(0, 5)).toEqual([]);
  };
};

export const say = (line: string): void => void process.stdout.write(`${line}\n`);
const mib = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
const least = (all: readonly number[], from: number, to: number): number =>
  Math.min(...all.slice(Math.floor(all.length * from), Math.ceil(all.length * to)));

/** Every beat that has a receipt is in the log, once. */
const expectBeats = async (databaseUrl: string, stored: ReadonlyMap<string, number>): Promise<void> => {
  const log = openLog(databaseUrl);
  const sum = (all: ReadonlyMap<string, number>) => neighbours.reduce((total, id) => total + (all.get(id) ?? 0), 0);
  await until(
    async () => sum(await log.contacts('heartbeat')),
    (count) => count >= sum(stored),
    { seconds: 60 },
  );
  const logged = await log.contacts('heartbeat');
  expect(Object.fromEntries(neighbours.map((id) => [id, logged.get(id)]))).toEqual(Object.fromEntries(stored));
  expect(await log.gaps()).toBe(0);
  await log.end();
};
