import { type Authenticator, connect, jwtAuthenticator, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { setMaxListeners } from 'node:events';
import type { Credentials } from './credentials.js';

/** A connection that knows whether it is one right now. */
export type Link = {
  readonly nats: NatsConnection;
  /** While this is false nothing is sent: a message that waits for the broker would be told as if it were new. */
  readonly isUp: () => boolean;
  /** A request; fails at once when the connection is lost, for no answer can come any more. `timeout` is milliseconds. */
  readonly request: (subject: string, payload: string, timeout: number) => Promise<Msg>;
};

export type LinkOptions = {
  readonly server: string;
  /** What the connection is called in the broker's lists. */
  readonly name: string;
  /** Whose inbox: answers come below `_INBOX.<inbox>`, and a broker that asks who one is lets nobody else listen there. */
  readonly inbox: string;
  /** Asked for with each connection, so that renewed ones are used; undefined where the broker asks nobody. */
  readonly credentials?: (() => Credentials) | undefined;
  readonly told?: (state: 'disconnected' | 'connected') => void;
};

const reconnectWait = 500;
/** Agents that lost the broker together come back spread over this much more, in milliseconds. */
const reconnectJitter = 3_000;

/** Connects to the broker, however long it takes, and again whenever it goes away. */
export const openLink = async ({ server, name, inbox, credentials, told }: LinkOptions): Promise<Link> => {
  const nats = await connect({
    servers: server,
    name,
    inboxPrefix: `_INBOX.${inbox}`,
    ...(credentials ? { authenticator: authenticatorOf(credentials) } : {}),
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
        told?.('disconnected');
      } else if (type === 'reconnect') {
        up = true;
        told?.('connected');
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

const authenticatorOf = (credentials: () => Credentials): Authenticator =>
  jwtAuthenticator(
    () => credentials().jwt,
    () => new TextEncoder().encode(credentials().seed),
  );

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
