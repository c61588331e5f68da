import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { MetricValues } from '#metrics';
import type { Ingest } from './ingest.js';
import type { Answers, Order, ThreadData } from './thread-protocol.js';

/** Beside the file that the server is in (ADR 0016). */
const program = new URL('./ingest-bundle.js', import.meta.url);

/** The role `ingest` in a thread of this process. */
export type IngestThread = Ingest & {
  /** To be called once the tables are there; with what it connects by to a broker that asks. */
  readonly start: (lanes: number, credentials: Uint8Array | undefined) => void;
  readonly metrics: () => Promise<MetricValues>;
};

/**
 * Has the role `ingest` run in a thread of its own, so that neither beats nor requests wait for each other's turns (ADR 0018).
 * What goes wrong there and is not expected ends the process, as it would here.
 */
export const openIngestThread = (workerData: ThreadData): IngestThread => {
  const worker = new Worker(program, { workerData, name: 'ingest' });
  let isStopping = false;
  worker.on('error', (error) => {
    throw error;
  });
  const exited = once(worker, 'exit').then(([code]) => {
    if (!isStopping) throw new Error(`The thread of the intake ended, with ${code}.`);
  });
  const tell = (order: Order): void => worker.postMessage(order);
  const ask = async <W extends keyof Answers>(what: W): Promise<Answers[W]> => {
    const { port1, port2 } = new MessageChannel();
    worker.postMessage({ type: 'ask', what, port: port2 } satisfies Order, [port2]);
    const ended = once(port1, 'close').then(() => Promise.reject(new Error('The intake did not answer.')));
    const [answer] = (await Promise.race([once(port1, 'message'), ended])) as [Answers[W]];
    port1.close();
    return answer;
  };
  return {
    start: (lanes, credentials) => tell({ type: 'start', lanes, credentials }),
    check: () => ask('check'),
    metrics: () => ask('metrics'),
    stop: async () => {
      isStopping = true;
      tell({ type: 'stop' });
      await exited;
    },
  };
};
