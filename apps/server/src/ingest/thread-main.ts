import { once } from 'node:events';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Logger } from 'pino';
import { createLanes } from '#contracts';
import { type BrokerLink, createMetrics } from '#metrics';
import { reachBroker } from '../dependencies.js';
import { openLog } from '../log.js';
import { openPools } from '../pools.js';
import { notYet } from './check-intake.js';
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
  let running: { readonly ingest: Ingest; readonly broker: BrokerLink } | undefined;

  const answers: { readonly [W in keyof Answers]: () => Promise<Answers[W]> } = {
    check: async () => (running ? running.ingest.check() : notYet),
    metrics: () => metrics.values(),
  };
  const start = async (count: number, credentials: Uint8Array | undefined): Promise<void> => {
    const lanes = createLanes(count);
    const broker = await reachBroker(config, credentials, log, stopping.signal);
    metrics.watch.broker(broker);
    running = { broker, ingest: await startIngest({ config, pools, broker, lanes, metrics, log }) };
  };
  const failed = (error: unknown): void => {
    if (!stopping.signal.aborted) throw error;
  };
  port.on('message', (order: Order) => {
    if (order.type === 'start') void start(order.lanes, order.credentials).catch(failed);
    else if (order.type === 'ask') void answer(order.port, answers[order.what], log);
    else stopping.abort();
  });
  await once(stopping.signal, 'abort');
  // Before it runs there is nothing to end, and the broker may never come.
  await running?.ingest.stop();
  await running?.broker.nats.drain().catch(() => undefined);
  await pools.end();
  process.exit(0);
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
