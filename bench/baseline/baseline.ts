import postgres from 'postgres';
import type { Bench, Benchmark } from '../bench.js';
import { clientId } from '../fleet/names.js';
import { round } from '../statistics.js';
import { nextMessage, startNodeChild } from '../system/child.js';
import { patterns } from './app.js';

const main = new URL('./main.js', import.meta.url);
const clients = 10_000;
/** Beats under way at most: enough to keep its ten connections busy, and its memory small. */
const window = 2_000;

/** How many beats a second the baseline takes when there is always another one waiting. */
export const baseline: Benchmark = {
  seconds: { full: 28, quick: 11 },
  run: async (bench) => {
    const { stack, cleanup, progress } = bench;
    const databaseUrl = await stack.createDatabase('baseline');
    const env = { ...process.env, BASELINE_NATS_URL: stack.natsUrl, BASELINE_DATABASE_URL: databaseUrl };
    const child = startNodeChild(cleanup, { main, env });
    await nextMessage(child);
    const db = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
    const close = cleanup.add(() => db.end({ timeout: 1 }));
    progress.say('an insert and an upsert per beat, in a transaction');
    const perSecond = await measure(bench, db, patterns.transaction);
    progress.say('the same without a transaction');
    const withoutTransaction = await measure(bench, db, patterns.loose);
    await close();
    await child.kill();
    bench.result.baseline = { perSecond: round(perSecond), withoutTransaction: round(withoutTransaction) };
  },
};

const measure = async (bench: Bench, db: postgres.Sql, pattern: string): Promise<number> => {
  const { nats } = bench.stack;
  const stored = async (): Promise<number> => {
    const [row] = await db<{ last: number }[]>`SELECT coalesce(max(id), 0)::integer AS last FROM heartbeat_event`;
    return row?.last ?? 0;
  };
  const first = await stored();
  let sent = 0;
  const feed = async (seconds: number): Promise<void> => {
    const until = performance.now() + seconds * 1000;
    while (performance.now() < until) {
      const wanted = (await stored()) - first + window;
      for (; sent < wanted; sent++) {
        const id = clientId('base', sent % clients);
        nats.publish(pattern.replace('*', id), JSON.stringify({ clientId: id }));
      }
      await bench.pause(0.1);
    }
  };
  await feed(1);
  const [start, before] = [performance.now(), await stored()];
  await feed(bench.seconds(10, 3));
  const perSecond = ((await stored()) - before) / ((performance.now() - start) / 1000);
  while ((await stored()) < first + sent) await bench.pause(0.1);
  return perSecond;
};
