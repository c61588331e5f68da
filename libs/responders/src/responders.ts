import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { type Lanes, ReachbackError, type RequestKind, requestKinds, subjects } from '#contracts';
import { createRejectLog, type Database, isConnectionError, isDiskFull } from '#event-log';
import type { EnrolmentContext } from '#enrolment';
import { BackOff } from './back-off.js';
import { EffectiveCache } from './effective.js';
import { listenForEnrolment } from './enrolment.js';
import { type MicroBatch, microBatch } from './micro-batch.js';
import { answerable } from './mqtt.js';
import { createRelay, type Relay } from './relay.js';
import { createRequestLimiter } from './request-limiter.js';
import type { RequestObserver } from './observer.js';
import {
  type AckRequest,
  type AgentRequest,
  assertRequest,
  correlationOf,
  readRequest,
  refuse,
  type WorkRequest,
} from './request.js';
import { serveAcks } from './serve-acks.js';
import { serveWork } from './serve-work.js';
import { inTurns } from './turns.js';

/**
 * Requests in one transaction at most: 250 that connect, or 62 others, after which intake gets its turn at the log's lock
 * and at the processor; those that connect come back sooner in larger batches (ADR 0015).
 */
const maxWeight = 250;
const weightOf = ({ kind }: AgentRequest): number => (isConnecting(kind) ? 1 : 4);
/** Transactions of a kind under way: one reads while another waits for the log's lock, and writes. */
const concurrency = 2;
/** Milliseconds from one transaction of a kind to the next: what each costs beside its requests is as much as ten of them. */
const pace = 10;
/**
 * In milliseconds. When requests wait longer for their turn, new ones are refused at once: whoever asks would have given
 * up before theirs came, and answering who has given up is how an overloaded server answers nobody. An acknowledgement
 * ends what a poll has begun, and may wait longer: of a server that refuses them, all ask again and nobody gets done.
 */
const longestWait = { work: 2_000, ack: 5_000 };
const queueGroup = 'reachback-responders';

export type RespondersOptions = {
  readonly db: Database;
  readonly nats: NatsConnection;
  readonly lanes: Lanes;
  readonly log: Logger;
  readonly observer: RequestObserver;
  /** What the servers of an installation share with no agent; empty where the broker lets everybody in. */
  readonly secret: Uint8Array;
  /** Whether the broker lets everybody in. */
  readonly isOpen: boolean;
  /** Undefined where the broker lets everybody in, or this process has no keys. */
  readonly enrolment?: EnrolmentContext | undefined;
};

/** Requests that are served together: how, who comes back when if there are too many, and when there are too many. */
type Queue<R> = { readonly batch: MicroBatch<R>; readonly backOff: BackOff; readonly patience: number };

type Outcome = { readonly reply: object } | { readonly error: ReachbackError };

/** Answers agents' requests: validate, pass the contact on to the lane, commit, and only then reply. */
export const startResponders = async ({
  db,
  nats,
  lanes,
  log,
  observer,
  secret,
  isOpen,
  enrolment,
}: RespondersOptions): Promise<{ stop: () => Promise<void> }> => {
  const rejects = createRejectLog(db, observer.rejected);
  const relay = createRelay(nats, lanes, secret);
  const cache = new EffectiveCache();
  const splitting = enrolment && { authority: enrolment.authority, lanes, secret };
  const keyOf = (request: AgentRequest) => request.clientId;
  const queueOf = <R extends AgentRequest>(
    patience: number,
    serve: (requests: readonly R[]) => Promise<ReadonlyMap<R, Outcome>>,
  ): Queue<R> => {
    const run = (requests: readonly R[]) => runBatch(requests, serve, relay, log);
    const batch = microBatch<R>({ keyOf, weightOf, maxWeight, concurrency, pace, run });
    return { batch, backOff: new BackOff(), patience };
  };
  const work = queueOf<WorkRequest>(longestWait.work, (requests) => serveWork(db, lanes, cache, splitting, requests));
  const acks = queueOf<AckRequest>(longestWait.ack, (requests) => serveAcks(db, lanes, cache, requests));

  const reject = (message: Msg, error: ReachbackError, correlation: string): void => {
    const { code, message: text } = error;
    rejects.record({ at: new Date(), subject: message.subject, code, message: text, payload: message.data });
    refuse(message, error, correlation);
  };
  const limiter = createRequestLimiter();
  const enqueue = <R extends AgentRequest>(
    { batch, backOff, patience }: Queue<R>,
    request: R,
    waited: number,
  ): void => {
    backOff.ask();
    if (waited + batch.wait() <= patience) return batch.add(request);
    // It is heard all the same: nobody goes offline because the server has too much to do (G1).
    if (!isConnecting(request.kind)) relay.note(request);
    request.refuse(overloaded(backOff.refuse()));
  };
  const accept = ({ kind, message, arrivedAt }: Arrived): void => {
    const correlation = correlationOf(message);
    const watched = watchAnswer(observer, log, { kind, subject: message.subject, correlation, arrivedAt });
    const answered = (answer: 'ok' | ReachbackError): void => {
      if (answer === 'ok') (kind === 'ack' ? acks : work).backOff.serve();
      watched(answer);
    };
    try {
      assertRequest(message);
      limiter.assertAdmitted(message.subject.split('.')[2] ?? '');
      const arrival = { correlation, answered, isOpen };
      const waited = performance.now() - arrivedAt;
      if (kind === 'ack') enqueue(acks, readRequest('ack', message, arrival), waited);
      else enqueue(work, readRequest(kind, message, arrival) as WorkRequest, waited);
    } catch (error) {
      if (!(error instanceof ReachbackError)) throw error;
      reject(message, error, correlation);
      answered(error);
    }
  };
  const arrived = inTurns(accept);
  const listen = (subject: string, handle: (message: Msg) => void): Subscription =>
    nats.subscribe(subject, {
      queue: queueGroup,
      callback: (error, message) => (error ? undefined : handle(answerable(nats, message))),
    });

  const enrolling = listenForEnrolment({ enrolment, listen, limiter, reject, log });
  const subscriptions = [
    ...enrolling.subscriptions,
    ...requestKinds.map((kind) =>
      listen(subjects.allAgents(kind), (message) => arrived.add({ kind, message, arrivedAt: performance.now() })),
    ),
    ...subjects.wrongDepth.map((subject) =>
      listen(subject, (message) => reject(message, new ReachbackError('bad_subject'), correlationOf(message))),
    ),
  ];
  // If the connection is lost meanwhile, the subscriptions are made anew with the next one.
  await nats.flush().catch(() => undefined);
  return {
    stop: async () => {
      await Promise.all(subscriptions.map((subscription) => subscription.drain().catch(() => undefined)));
      await arrived.idle();
      await Promise.all([work.batch.idle(), acks.batch.idle(), enrolling.idle()]);
      await relay.stop();
      await rejects.stop();
    },
  };
};

/** A message that may be a request; when it came, by this process' clock. */
type Arrived = { readonly kind: RequestKind; readonly message: Msg; readonly arrivedAt: number };

type Watched = Pick<Arrived, 'kind' | 'arrivedAt'> & { readonly subject: string; readonly correlation: string };

/** Counts the answer to a request, and gives it a line in the log. */
const watchAnswer =
  (observer: RequestObserver, log: Logger, { kind, subject, correlation, arrivedAt }: Watched) =>
  (answer: 'ok' | ReachbackError): void => {
    const outcome = answer === 'ok' ? answer : answer.code;
    const seconds = (performance.now() - arrivedAt) / 1000;
    observer.answered({ kind, outcome, seconds });
    if (log.isLevelEnabled('debug')) log.debug({ correlation, subject, kind, outcome, seconds }, 'request answered');
  };

/** Connecting clients must be in the log before the lane hears of them; others are heard whatever the database does. */
const isConnecting = (kind: RequestKind): boolean => kind === 'register' || kind === 'start' || kind === 'reload';

const runBatch = async <R extends AgentRequest>(
  requests: readonly R[],
  serve: (requests: readonly R[]) => Promise<ReadonlyMap<R, Outcome>>,
  relay: Relay,
  log: Logger,
): Promise<void> => {
  const passed = new Map(
    requests.filter(({ kind }) => !isConnecting(kind)).map((request) => [request, settled(relay.pass(request))]),
  );
  const outcomes = await serveSafely(requests, serve, log);
  for (const request of requests) {
    void answer(request, outcomes.get(request), passed.get(request), relay).catch((error: unknown) =>
      log.error({ error, ...describe(request) }, 'a reply was not sent'),
    );
  }
};

const answer = async (
  request: AgentRequest,
  outcome: Outcome | undefined,
  passed: Promise<ReachbackError | undefined> | undefined,
  relay: Relay,
): Promise<void> => {
  if (!outcome || 'error' in outcome) return request.refuse(outcome?.error ?? new ReachbackError('internal'));
  const failure = passed ? await passed : await settled(relay.pass(request).then(relay.untilCommitted));
  if (failure) request.refuse(failure);
  else request.respond(outcome.reply);
};

/** The error a promise ends in, if it does. */
const settled = (promise: Promise<unknown>): Promise<ReachbackError | undefined> =>
  promise.then(
    () => undefined,
    (error: unknown) => (error instanceof ReachbackError ? error : new ReachbackError('internal')),
  );

/** If a batch fails, its requests are served one by one, so that one poisonous request hurts nobody else. */
const serveSafely = async <R extends AgentRequest>(
  requests: readonly R[],
  serve: (requests: readonly R[]) => Promise<ReadonlyMap<R, Outcome>>,
  log: Logger,
): Promise<ReadonlyMap<R, Outcome>> => {
  try {
    return await serve(requests);
  } catch (error) {
    if (isConnectionError(error)) return refuseAll(requests, unavailable());
    if (isDiskFull(error)) return refuseAll(requests, full());
    if (requests.length === 1) {
      log.error({ error, ...requests.map(describe)[0] }, 'a request failed');
      return refuseAll(requests, new ReachbackError('internal'));
    }
    const single = await Promise.all(requests.map((request) => serveSafely([request], serve, log)));
    return new Map(single.flatMap((outcomes) => [...outcomes]));
  }
};

const describe = ({ clientId, kind, correlation }: AgentRequest) => ({ client: clientId, kind, correlation });

const refuseAll = <R>(requests: readonly R[], error: ReachbackError): ReadonlyMap<R, Outcome> =>
  new Map(requests.map((request) => [request, { error }]));

const unavailable = () => new ReachbackError('unavailable', 'The database is away; try again.', someSeconds());

/** By seconds: what thousands a second are told is not made, with its stack, for each of them. */
const refusals = new Map<number, ReachbackError>();

const overloaded = (seconds: number): ReachbackError => {
  const known = refusals.get(seconds);
  if (known) return known;
  const text = 'More is asked than the server can answer in time; try again.';
  const made = new ReachbackError('unavailable', text, seconds);
  refusals.set(seconds, made);
  return made;
};

/** Somebody has to make room first. */
const full = () => new ReachbackError('disk_full', undefined, 20 + Math.ceil(Math.random() * 20));

/** Not the same for everybody, so that they do not all come back at once. */
const someSeconds = (): number => 3 + Math.ceil(Math.random() * 4);
