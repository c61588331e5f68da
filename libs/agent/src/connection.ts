import { type Msg, type NatsConnection, RequestError } from '@nats-io/transport-node';
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { dial, type DialOptions, dialPatiently } from './dial.js';

/** A connection that knows whether it is one right now. */
export type Link = {
  /** The connection of this moment; {@link Link.reopen} puts another in its place. */
  readonly nats: NatsConnection;
  /** While this is false nothing is sent: a message that waits for the broker would be told as if it were new. */
  readonly isUp: () => boolean;
  /**
   * A request; fails at once when the connection is lost, for no answer can come any more. `timeout` is milliseconds. One
   * that nobody was there to hear is sent a second time: while a broker learns who is revoked it may miss a moment.
   */
  readonly request: (subject: string, payload: string | Uint8Array, timeout: number) => Promise<Msg>;
  /** Hears what comes on a subject, on this connection and on all that follow it. */
  readonly subscribe: (subject: string, heard: (message: Msg) => void) => void;
  /** Opens another connection, with the credential of this moment, and only then leaves the one before. */
  readonly reopen: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** What happens to a link. `refused`: the broker takes the credential no longer; it is tried again now and then. */
export type LinkState = 'connected' | 'disconnected' | 'refused';

export type LinkOptions = DialOptions & {
  readonly told?: (state: LinkState) => void;
  /** Fails at first where the broker is away, instead of waiting for it. */
  readonly isImpatient?: boolean;
};

/** How long a broker has for it, in milliseconds: it needs less than one. */
const missedMoment = 250;

/** Whom the broker refuses does not knock more often than this, in milliseconds. */
const refusedWait = 60_000;

/**
 * Connects to the broker, however long it takes, and again whenever it goes away.
 *
 * @throws {AuthorizationError} when the broker refuses the credential at first
 */
export const openLink = async (options: LinkOptions): Promise<Link> => {
  const closing = new AbortController();
  const subscriptions: { readonly subject: string; readonly heard: (message: Msg) => void }[] = [];
  let lost = newLoss();
  let line = lineOf(await (options.isImpatient ? dial(options) : dialPatiently(options)));

  const told = (state: LinkState): void => {
    if (state !== 'connected') {
      lost.abort();
      lost = newLoss();
    }
    options.told?.(state);
  };
  const goOver = async (): Promise<Line> => {
    const next = lineOf(await dial(options));
    for (const { subject, heard } of subscriptions) listen(next.nats, subject, heard);
    await next.nats.flush();
    const before = line;
    line = next;
    void watch();
    if (closing.signal.aborted) await next.nats.close();
    return before;
  };
  /** A connection that is closed for good, and not by us, was refused. */
  const watch = async (): Promise<void> => {
    const watched = line;
    await follow(watched, told);
    if (watched !== line || closing.signal.aborted) return;
    told('refused');
    while (!closing.signal.aborted) {
      await sleep(refusedWait * (0.5 + Math.random()), undefined, { signal: closing.signal }).catch(() => undefined);
      const isBack = !closing.signal.aborted && (await goOver().then(Boolean, () => false));
      if (isBack) return told('connected');
    }
  };
  void watch();
  return {
    get nats() {
      return line.nats;
    },
    isUp: () => line.isUp && !line.nats.isClosed(),
    request: (subject, payload, timeout) =>
      line.track(unless(lost.signal, requestTwice(line.nats, subject, payload, timeout))),
    subscribe: (subject, heard) => {
      subscriptions.push({ subject, heard });
      listen(line.nats, subject, heard);
    },
    reopen: async () => {
      const before = await goOver();
      await before.idle();
      await before.nats.drain().catch(() => undefined);
    },
    close: async () => {
      closing.abort();
      await line.nats.close();
    },
  };
};

type Line = {
  readonly nats: NatsConnection;
  isUp: boolean;
  /** Notes a request, so that the connection is not left before it has its answer. */
  readonly track: <T>(request: Promise<T>) => Promise<T>;
  readonly idle: () => Promise<unknown>;
};

const lineOf = (nats: NatsConnection): Line => {
  const underWay = new Set<Promise<unknown>>();
  return {
    nats,
    isUp: true,
    track: (request) => {
      const done: Promise<unknown> = request.catch(() => undefined).finally(() => underWay.delete(done));
      underWay.add(done);
      return request;
    },
    idle: () => Promise.all(underWay),
  };
};

const requestTwice = async (
  nats: NatsConnection,
  subject: string,
  payload: string | Uint8Array,
  timeout: number,
): Promise<Msg> => {
  try {
    return await nats.request(subject, payload, { timeout });
  } catch (error) {
    if (!(error instanceof RequestError && error.isNoResponders())) throw error;
    await sleep(missedMoment * (0.5 + Math.random()));
    return nats.request(subject, payload, { timeout });
  }
};

const listen = (nats: NatsConnection, subject: string, heard: (message: Msg) => void): void => {
  nats.subscribe(subject, { callback: (error, message) => (error ? undefined : heard(message)) });
};

/** Tells what happens to a connection, until it is closed. */
const follow = async (line: Line, told: (state: LinkState) => void): Promise<void> => {
  for await (const { type } of line.nats.status()) {
    if (type === 'disconnect') {
      line.isUp = false;
      told('disconnected');
    } else if (type === 'reconnect') {
      line.isUp = true;
      told('connected');
    }
  }
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
