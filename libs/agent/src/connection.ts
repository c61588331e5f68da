import { connect, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { setMaxListeners } from 'node:events';

/** A connection that knows whether it is one right now. */
export type Link = {
  readonly nats: NatsConnection;
  /** While this is false nothing is sent: a message that waits for the broker would be told as if it were new. */
  readonly isUp: () => boolean;
  /** A request; fails at once when the connection is lost, for no answer can come any more. `timeout` is milliseconds. */
  readonly request: (subject: string, payload: string, timeout: number) => Promise<Msg>;
};

const reconnectWait = 500;
/** Agents that lost the broker together come back spread over this much more, in milliseconds. */
const reconnectJitter = 3_000;

/** Connects to the broker, however long it takes, and again whenever it goes away. */
export const openLink = async (
  server: string,
  name: string,
  told: (state: 'disconnected' | 'connected') => void,
): Promise<Link> => {
  const nats = await connect({
    servers: server,
    name,
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: reconnectWait,
    reconnectJitter,
    pingInterval: 10_000,
    maxPingOut: 2,
    ignoreClusterUpdates: true,
  });
  let up = true;
  let lost = newLoss();
  const watch = async () => {
    for await (const { type } of nats.status()) {
      if (type === 'disconnect') {
        up = false;
        lost.abort();
        lost = newLoss();
        told('disconnected');
      } else if (type === 'reconnect') {
        up = true;
        told('connected');
      }
    }
  };
  void watch();
  return {
    nats,
    isUp: () => up && !nats.isClosed(),
    request: (subject, payload, timeout) => unless(lost.signal, nats.request(subject, payload, { timeout })),
  };
};

/** Aborts when the connection is lost; every request under way listens to it, and a fleet has thousands. */
const newLoss = (): AbortController => {
  const lost = new AbortController();
  setMaxListeners(0, lost.signal);
  return lost;
};

/** The promise's outcome, or a failure as soon as the signal aborts. */
const unless = <T>(signal: AbortSignal, promise: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const abort = () => reject(new Error('The connection to the broker was lost.'));
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
