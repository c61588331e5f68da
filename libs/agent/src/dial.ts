import {
  type Authenticator,
  AuthorizationError,
  connect,
  type ConnectionOptions,
  jwtAuthenticator,
  type NatsConnection,
  UserAuthenticationExpiredError,
} from '@nats-io/transport-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BrokerTrust, brokerTls } from '#tls';
import type { Credentials } from './credentials.js';
import { firstRetry, longestRetry } from './retry.js';
import { untrusted } from './untrusted.js';

/** The broker is there, and shows no certificate that is trusted, or is too busy. */
export type ConnectFailure = {
  readonly type: 'failed';
  readonly what: 'connecting';
  readonly error: string;
  readonly retryInSeconds: number;
};

export type DialOptions = {
  /** The broker, such as `tls://host:4222`, or `nats://host:4222` where it has no TLS. */
  readonly server: string;
  /** Whom to trust to be the broker. */
  readonly trust?: BrokerTrust | undefined;
  /** What the connection is called in the broker's lists. */
  readonly name: string;
  /** Whose inbox: answers come below `_INBOX.<inbox>`, and a broker that asks who one is lets nobody else listen there. */
  readonly inbox: string;
  /** Asked for with each connection, so that renewed ones are used; undefined where the broker asks nobody. */
  readonly credentials?: (() => Credentials) | undefined;
  readonly failed?: (failure: ConnectFailure) => void;
};

/** Whether the broker refuses a credential. */
export const isRefused = (error: unknown): boolean =>
  (error instanceof AuthorizationError && !isTooBusy(error)) || error instanceof UserAuthenticationExpiredError;

/** Whether it has not looked at it in time; the library takes that for a refusal. */
const isTooBusy = (error: unknown): error is AuthorizationError =>
  error instanceof AuthorizationError && /authentication timeout/i.test(error.message);

const reconnectWait = 500;
/** Agents that lost the broker together come back spread over this much more, in milliseconds. */
const reconnectJitter = 3_000;

/**
 * Waits for a broker that is not there. One that is not trusted is tried again too: its certificate may have expired, or
 * somebody may stand in between, and neither lasts.
 *
 * @throws {AuthorizationError} when the broker refuses the credential
 */
export const dialPatiently = async (options: DialOptions): Promise<NatsConnection> => {
  for (let pause = firstRetry; ; pause = Math.min(pause * 2, longestRetry)) {
    try {
      return await dial(options);
    } catch (error) {
      if (isRefused(error)) throw error;
      const problem = untrusted(error) ?? (isTooBusy(error) ? error : undefined);
      if (!problem) return dial(options, { waitOnFirstConnect: true });
      const { message } = problem;
      options.failed?.({ type: 'failed', what: 'connecting', error: message, retryInSeconds: pause / 1000 });
      await sleep(pause);
    }
  }
};

/** One attempt; a connection that stood once is made again whenever it is lost. */
export const dial = ({ server, trust, name, inbox, credentials }: DialOptions, more: ConnectionOptions = {}) =>
  connect({
    servers: server,
    name,
    maxReconnectAttempts: -1,
    reconnectTimeWait: reconnectWait,
    reconnectJitter,
    reconnectJitterTLS: reconnectJitter,
    pingInterval: 10_000,
    maxPingOut: 2,
    ignoreClusterUpdates: true,
    inboxPrefix: `_INBOX.${inbox}`,
    ...brokerTls(server, trust),
    ...(credentials ? { authenticator: authenticatorOf(credentials) } : {}),
    ...more,
  });

const authenticatorOf = (credentials: () => Credentials): Authenticator =>
  jwtAuthenticator(
    () => credentials().jwt,
    () => new TextEncoder().encode(credentials().seed),
  );
