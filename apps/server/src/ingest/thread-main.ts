import { once } from 'node:events';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Logger } from 'pino';
import { createLanes } from '#contracts';
import { createMetrics } from '#metrics';
import { starting } from '../check.js';
import { reachBroker } from '../dependencies.js';
import { readIdentity } from '../identity.js';
import { openLog } from '../log.js';
import { openPools } from '../pools.js';
import { type Ingest, startIngest } from './ingest.js';
import type { Answers, Order, ThreadData } from './thread-protocol.js';

/** What the thread of the role `ingest` does until it is told to stop. */
const runIngestThread = async (): Promise<void> => {
  if (!parentPort) throw new Error('This runs in a thread that the server has made.');
  const port = parentPort;
  const { config, version, instance } = workerData as ThreadData;
  const log = openLog(config.REACHBACK_LOG_LEVEL);
  const metrics = createMetrics({ version, roles: [...config.roles], isWholeProcess: false });
  const pools = openPools(config, instance, metrics);
  const stopping = new AbortController();
  let ingest: Ingest | undefined;

  const answers: { readonly [W in keyof Answers]: () => Promise<Answers[W]> } = {
    check: async () => (ingest ? ingest.check() : starting('The intake waits for database and broker.')),
    metrics: () => metrics.values(),
  };
  const start = async (count: number): Promise<void> => {
    const lanes = createLanes(count);
    const identity = await readIdentity(config.REACHBACK_NATS_KEYS, lanes.count);
    const broker = await reachBroker(config, identity?.server, log, stopping.signal);
    metrics.watch.broker(broker);
    ingest = await startIngest({ config, pools, broker, lanes, metrics, log });
    await untilAborted(stopping.signal);
    await ingest.stop();
    await broker.nats.drain().catch(() => undefined);
  };

  let running: Promise<void> = Promise.resolve();
  port.on('message', (order: Order) => {
    if (order.type === 'start') running = start(order.lanes);
    else if (order.type === 'ask') void answer(order.port, answers[order.what], log);
    else stopping.abort();
  });
  await untilAborted(stopping.signal);
  // Before that there is nothing to end, and the broker may never come.
  if (ingest) await running;
  await pools.end();
  process.exit(0);
};

const untilAborted = async (signal: AbortSignal): Promise<void> => {
  if (!signal.aborted) await once(signal, 'abort');
};

/** Who asks learns of a failure by the port's end. */
const answer = async (port: MessagePort, read: () => Promise<unknown>, log: Logger): Promise<void> => {
  try {
    port.postMessage(await read());
  } catch (error) {
    log.debug({ error: String(error) }, 'the intake could not say how it does');
  }
  port.close();
};

await runIngestThread();
