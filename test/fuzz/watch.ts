import { expect } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFlat, thirdsOf } from '../../bench/soak/flatness.js';
import { until } from '../helpers/conditions.js';
import { heldBy } from '../helpers/heap.js';
import { openLog } from '../helpers/log.js';
import { scrape } from '../helpers/metrics.js';
import { startBeating } from '../helpers/beating.js';
import type { System } from '../helpers/system.js';
import type { NatsConnection } from '@nats-io/transport-node';
import { inputs } from './inputs.js';

const neighbours = Array.from({ length: 20 }, (_, i) => `neighbour-${i}`);
const pause = 500;
const megabyte = 1e6;
/** With fewer inputs a server has not come to rest. */
const enough = 100_000;

export type Watch = {
  /**
   * Has the server collect its garbage, and takes down what it then holds, and what an input has cost it since the last time;
   * to be called at even steps of a run, with how many were fed by then.
   */
  readonly measure: (fed: number) => Promise<void>;
  /** What there is to say while it goes on. */
  readonly summary: () => string;
  /** That nothing suffered, once everything is fed. */
  readonly expectUnharmed: () => Promise<void>;
  /** Looks no more; to be called in any case, before the server is stopped. */
  readonly stop: () => Promise<void>;
};

/** Looks after the server, and after clients that beat all the while, and says at the end whether anything suffered. */
export const watch = async (system: System, nats: NatsConnection): Promise<Watch> => {
  await Promise.all(neighbours.map((id) => system.request(id, 'register', { ips: ['10.0.0.1'] }, { timeout: 60_000 })));
  const beating = startBeating(nats, { ids: neighbours, interval: 1_000, receiptTimeout: 30_000 });
  const { url } = system.server;
  const notReady: number[] = [];
  const held: number[] = [];
  let measured = { fed: 0, seconds: 0 };
  /** Milliseconds of CPU for each of the latest inputs. Where it grows, something takes longer the more there is. */
  let cost = Number.NaN;
  let looks = 0;
  let isOver = false;
  const look = async (): Promise<void> => {
    while (!isOver) {
      const { status } = await fetch(`${url}/readyz`);
      if (status !== 200) notReady.push(status);
      looks++;
      await sleep(pause);
    }
  };
  const looking = look();
  const stop = async (): Promise<void> => {
    isOver = true;
    await looking;
  };
  const measure = async (fed: number): Promise<void> => {
    const { heap, buffers } = await heldBy(system.server);
    held.push((heap + buffers) / megabyte);
    const seconds = (await scrape(system.server)).value('process_cpu_seconds_total') ?? Number.NaN;
    cost = ((seconds - measured.seconds) / (fed - measured.fed)) * 1_000;
    measured = { fed, seconds };
  };
  const summary = (): string =>
    `the server holds ${held.at(-1)?.toFixed(0)} MB (${held[0]?.toFixed(0)} at first) and spends ${cost.toFixed(1)} ms on each, ` +
    `${sumOf(beating.stored)} beats of neighbours stored, ${beating.unheard()} of them sent twice, ` +
    `${notReady.length} of ${looks} looks not ready`;
  const expectUnharmed = async (): Promise<void> => {
    await until(
      async () => (await scrape(system.server)).value('reachback_intake_lag_seconds', { lane: '0' }),
      (lag = 9) => lag < 1,
      {
        seconds: 60,
      },
    );
    await stop();
    await beating.stop();
    say(summary());
    await expectBeats(system.databaseUrl, beating.stored);
    // A busy machine may now and then be late to answer for the broker or the database.
    expect(notReady.length).toBeLessThanOrEqual(looks / 20);
    expectFlat(held);
    expect(system.server.process.exitCode).toBe(null);
    const failed = system.server
      .log()
      .split('\n')
      .filter((line) => /"level":[56]0|Unhandled|Warning: /.test(line));
    expect(failed.slice(0, 5)).toEqual([]);
  };
  return { measure, summary, expectUnharmed, stop };
};

/** What is left after collections has stopped growing after a third of the run, which is for warming up. */
const expectFlat = (held: readonly number[]): void => {
  const thirds = thirdsOf(held);
  say(`held after collections, in MB: ${held.map((one) => one.toFixed(0)).join(' ')}; ${JSON.stringify(thirds)}`);
  if (inputs < enough) return;
  expect(thirds && isFlat(thirds)).toBe(true);
};

export const say = (line: string): void => void process.stdout.write(`${line}\n`);

const sumOf = (all: ReadonlyMap<string, number>): number =>
  neighbours.reduce((total, id) => total + (all.get(id) ?? 0), 0);

/** Every beat that has a receipt is in the log, once. */
const expectBeats = async (databaseUrl: string, stored: ReadonlyMap<string, number>): Promise<void> => {
  const log = openLog(databaseUrl);
  await until(
    async () => sumOf(await log.contacts('heartbeat')),
    (count) => count >= sumOf(stored),
    { seconds: 60 },
  );
  const logged = await log.contacts('heartbeat');
  expect(Object.fromEntries(neighbours.map((id) => [id, logged.get(id)]))).toEqual(Object.fromEntries(stored));
  expect(await log.gaps()).toBe(0);
  await log.end();
};
