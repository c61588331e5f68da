import postgres from 'postgres';
import type { Bench, Benchmark } from '../bench.js';
import { clientId, scatter } from '../fleet/names.js';
import { round } from '../statistics.js';
import { nextMessage, startNodeChild } from '../system/child.js';
import { patterns } from './app.js';

const main = new URL('./main.js', import.meta.url);
/** Beats under way at most: enough to keep its ten connections busy, and its memory small. */
const window = 2_000;
/** Clients entered with one statement. */
const page = 20_000;

/**
 * How many beats a second the baseline takes when there is always another one waiting, of as many clients as the others
 * have, each of which has been heard of before.
 */
export const baseline: Benchmark = {
  seconds: { full: 75, quick: 14 },
  run: async (bench) => {
    const { stack, cleanup, progress } = bench;
    const databaseUrl = await stack.createDatabase('baseline');
    const env = { ...process.env, BASELINE_NATS_URL: stack.natsUrl, BASELINE_DATABASE_URL: databaseUrl };
    const child = startNodeChild(cleanup, { main, env });
    await nextMessage(child);
    const db = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
    const close = cleanup.add(() => db.end({ timeout: 1 }));
    progress.say('every client has been heard of once');
    await enterClients(db, bench.options.clients);
    progress.say('an insert and an upsert per beat, in a transaction');
    const perSecond = await measure(bench, db, patterns.transaction);
    progress.say('the same without a transaction');
    const withoutTransaction = await measure(bench, db, patterns.loose);
    await close();
    await child.kill();
    bench.result.baseline = { perSecond: round(perSecond), withoutTransaction: round(withoutTransaction) };
  },
};

const enterClients = async (db: postgres.Sql, clients: number): Promise<void> => {
  for (let first = 0; first < clients; first += page) {
    const ids = Array.from({ length: Math.min(page, clients - first) }, (_, i) => clientId('base', first + i));
    await db`
      INSERT INTO client_presence (client_id, status, last_seen)
      SELECT unnest(${ids}::text[]), 'online', clock_timestamp()`;
  }
  await db`VACUUM ANALYZE client_presence`;
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
        const id = clientId('base', scatter(sent, bench.options.clients));
        nats.publish(pattern.replace('*', id), JSON.stringify({ clientId: id }));
      }
      await bench.pause(0.1);
    }
  };
  await feed(1);
  const [start, before] = [performance.now(), await stored()];
  await feed(bench.seconds(20, 3));
  const perSecond = ((await stored()) - before) / ((performance.now() - start) / 1000);
  while ((await stored()) < first + sent) await bench.pause(0.1);
  return perSecond;
};
