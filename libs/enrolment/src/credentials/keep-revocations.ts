import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { type Database, pause, Wake } from '#event-log';
import type { Authority } from '#identity';
import { pushRevocations } from './push-revocations.js';

/** In milliseconds: how soon it is tried again after a failure, and how often all is compared though nothing is known. */
const retryPause = 1_000;
/**
 * Between two times that the broker is told, in milliseconds. It sets up anew what the agents' accounts import, and a
 * message that goes through an account at that moment may get lost or be taken in twice. See docs/operations.md.
 */
const shortestPause = 1_000;
const lookInterval = 60_000;

/** Keeps the broker knowing who is revoked. */
export type Revocations = {
  /** Tells the broker what is revoked by now. False: it could not be told yet, and will be as soon as it can. */
  readonly push: () => Promise<boolean>;
  readonly stop: () => Promise<void>;
};

export type RevocationsOptions = {
  readonly db: Database;
  readonly authority: Authority;
  /** A connection as a user of the system account. */
  readonly system: NatsConnection;
  readonly log: Logger;
};

/**
 * The database says who is revoked, and the broker must know: told with every revocation, and compared at the start, when
 * the connection to the broker is back, once a minute, and when somebody who is suspended is to be let in again. So a
 * broker that lost what it was told hears it again, whatever died in between. Several processes do it, one at a time.
 */
export const keepRevocations = (options: RevocationsOptions): Revocations => {
  const { system, log } = options;
  const stopping = new AbortController();
  const wake = new Wake();

  let nextLift: Date | undefined;
  let toldAt = -Infinity;
  const pushOnce = async (): Promise<boolean> => {
    try {
      const pushed = await pushRevocations(options);
      if (pushed.isNew) {
        toldAt = performance.now();
        log.info('the broker was told who is revoked');
      }
      nextLift = pushed.nextLift;
      return true;
    } catch (error) {
      if (!stopping.signal.aborted) log.warn({ error: String(error) }, 'the broker could not be told who is revoked');
      wake.now();
      return false;
    }
  };
  let last: Promise<boolean> = Promise.resolve(true);
  let next: Promise<boolean> | undefined;
  const pushNext = async (): Promise<boolean> => {
    await last;
    await pause(Math.max(0, toldAt + shortestPause - performance.now()), stopping.signal);
    next = undefined;
    return pushOnce();
  };
  /** One after the other in this process: who calls while one is under way needs the next, and all who do share it. */
  const push = (): Promise<boolean> => {
    next ??= pushNext();
    last = next;
    return next;
  };
  const pauseTime = (): number =>
    nextLift === undefined ? lookInterval : Math.min(lookInterval, Math.max(0, nextLift.getTime() - Date.now()) + 1);

  const keep = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const woken = wake.next();
      if (await push()) await pause(pauseTime(), stopping.signal, woken);
      else await pause(retryPause, stopping.signal);
    }
  };
  const watch = async (): Promise<void> => {
    for await (const { type } of system.status()) if (type === 'reconnect') wake.now();
  };
  void watch();
  const keeping = keep();
  return {
    push: async () => {
      const told = await push();
      // Who is suspended now may have to be let in before the next look.
      wake.now();
      return told;
    },
    stop: async () => {
      stopping.abort();
      await keeping;
    },
  };
};
