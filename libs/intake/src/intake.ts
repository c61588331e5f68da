import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { contactStream, subjects } from '#contracts';
import {
  createRejectLog,
  type Database,
  FencedError,
  ownerSilence,
  readLane,
  type RejectLog,
  takeLane,
  type Watermark,
} from '#event-log';
import { inlineProjections } from '#projections';
import { compareIncarnation } from './incarnation.js';
import { LaneOwner } from './owner.js';
import { answerPresence } from './presence-replies.js';
import { RateMeter } from './rate-meter.js';
import { recoverPresence } from './recover.js';
import { Snapshots } from './snapshots.js';
import { Source } from './source.js';
import { type IntakeObserver, type IntakeState, newProgress } from './status.js';
import { ensureContactStream } from './stream.js';
import { startTicker } from './ticker.js';

/** Messages in one transaction at most. */
const batchSize = 8_192;
/** An owner that has appended nothing for this long, though the clock ticks twice a second, is taken for dead. */
const leaseSeconds = 5;
const retryPause = 500;
const purgeInterval = 30_000;

export type IntakeOptions = {
  readonly db: Database;
  readonly nats: NatsConnection;
  readonly lane: number;
  readonly log: Logger;
  readonly observer: IntakeObserver;
};

/** The intake of a lane while it runs. */
export type Intake = { readonly state: () => IntakeState; readonly stop: () => Promise<void> };

/** What one intake has beside its options. */
type Running = {
  readonly rejects: RejectLog;
  readonly signal: AbortSignal;
  /** Told whenever it does something else from now on. */
  readonly enter: (state: IntakeState) => void;
};

/**
 * Runs the lane's intake: takes the lane, recovers presence, and appends what the stream brings, until it is stopped.
 * Whatever fails (broker, database, stream) ends the ownership, and a new one starts from what is committed.
 */
export const startIntake = async (options: IntakeOptions): Promise<Intake> => {
  const stopping = new AbortController();
  const rejects = createRejectLog(options.db, options.observer.rejected);
  let state: IntakeState = { name: 'starting' };
  const running = run(options, { rejects, signal: stopping.signal, enter: (entered) => (state = entered) });
  return {
    state: () => state,
    stop: async () => {
      stopping.abort();
      await running;
      await rejects.stop();
    },
  };
};

const run = async (options: IntakeOptions, running: Running): Promise<void> => {
  const { db, lane, log } = options;
  const { signal, enter } = running;
  let term: bigint | undefined;
  while (!signal.aborted) {
    try {
      await own(options, running, (taken) => (term = taken));
    } catch (error) {
      if (signal.aborted) return;
      // Whatever ended the ownership: if another server has the lane by now, it keeps it.
      if (error instanceof FencedError || (await hasOtherOwner(db, lane, term))) {
        enter({ name: 'standing-by' });
        log.warn({ lane }, 'another server has taken the lane; standing by');
        await untilOwnerIsDead(db, lane, signal);
      } else {
        enter({ name: 'starting' });
        log.warn({ lane, error: messageOf(error) }, 'intake stopped; starting again from what is committed');
        await pause(retryPause, signal);
      }
    }
  }
};

const hasOtherOwner = async (db: Database, lane: number, term: bigint | undefined): Promise<boolean> =>
  term !== undefined && (await readLane(db, lane).catch(() => ({ term }))).term !== term;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  sleep(milliseconds, undefined, { signal }).catch(() => undefined);

const untilOwnerIsDead = async (db: Database, lane: number, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    const silence = await ownerSilence(db, lane).catch(() => 0);
    if (silence > leaseSeconds) return;
    await pause(1_000, signal);
  }
};

/** One ownership of the lane, from taking it to losing it. */
const own = async (options: IntakeOptions, running: Running, taken: (term: bigint) => void): Promise<void> => {
  const { db, nats, lane, log } = options;
  const { rejects, enter } = running;
  const started = Date.now();
  const manager = await jetstreamManager(nats, { timeout: 3_000 });
  await ensureContactStream(manager);
  const term = await takeLane(db, lane);
  taken(term);
  const row = await readLane(db, lane);
  const progress = newProgress();
  enter({ name: 'recovering', progress });
  const { presence, conclusions, replayed } = await recoverPresence(db, lane, row, progress);
  const { watermark, position } = row;
  const owner = new LaneOwner({
    db,
    lane,
    term,
    presence,
    rejects,
    projections: inlineProjections,
    watermark,
    position,
    conclusions,
  });
  // Asked after the watermark was read: a stream that is older than the watermark would look as if it were rewound.
  const stream = await manager.streams.info(contactStream.name);
  const next = await compareIncarnation(manager, stream, watermark);
  const source = await Source.open(nats, manager, next.start);
  try {
    if (next.reset) {
      const to = {
        ...watermark,
        created: stream.created,
        epoch: watermark.epoch + 1,
        sequence: BigInt(source.startsAfter),
      };
      const level = next.reset === 'created' ? 'info' : 'warn';
      log[level]({ lane, reason: next.reset, epoch: to.epoch }, 'the lane reads another incarnation of its stream');
      await owner.reset(to, resetFact(next.reset, watermark, to));
    }
    log.info(
      { lane, term: String(term), clients: presence.members.count, replayed, ms: Date.now() - started },
      'lane owned',
    );
    enter({
      name: 'owning',
      term,
      lagSeconds: () => owner.lagAt(Date.now()),
      backlog: () => source.backlog,
      countStatuses: () => presence.members.countStatuses(),
    });
    await readOn(options, owner, source, running.signal);
  } finally {
    source.end(new Error('The ownership ended.'));
  }
};

const resetFact = (reason: 'created' | 'recreated' | 'rewound' | 'messages-lost', from: Watermark, to: Watermark) =>
  ({
    type: 'lane-source-reset',
    client: null,
    meta: { actor: 'system' },
    data: {
      reason,
      epoch: to.epoch,
      previous: { created: from.created, sequence: String(from.sequence) },
      current: { created: to.created ?? '', sequence: String(to.sequence) },
    },
  }) as const;

const readOn = async (options: IntakeOptions, owner: LaneOwner, source: Source, signal: AbortSignal): Promise<void> => {
  const { db, nats, lane, log, observer } = options;
  const meter = new RateMeter();
  const snapshots = new Snapshots(db, lane, log);
  const end = (reason: string) => source.end(new Error(reason));
  const onAbort = () => end('The server is stopping.');
  signal.addEventListener('abort', onAbort, { once: true });
  const ticker = startTicker(
    nats,
    (sequence) => {
      if (sequence <= Number(owner.sequence)) end('The stream gave a sequence number a second time.');
    },
    (error) => end(`The stream did not take a tick: ${error.message}`),
  );
  const purge = setInterval(() => void purgeConsumed(nats, owner), purgeInterval);
  const replies = answerPresence(
    nats,
    lane,
    () => owner.presence,
    () => meter.read(),
  );
  try {
    while (!signal.aborted) {
      const messages = owner.isBusy ? source.takeArrived(batchSize) : await source.take(batchSize);
      const begun = performance.now();
      const { contacts, chunks } = await owner.append(messages);
      observer.committed({ lane, messages: messages.length, chunks, seconds: (performance.now() - begun) / 1000 });
      meter.record(contacts, owner.lagAt(Date.now()));
      nats.publish(subjects.committed(lane), JSON.stringify({ sequence: String(owner.sequence) }));
      snapshots.consider(owner.presence, owner.head, contacts);
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    ticker.stop();
    clearInterval(purge);
    replies.stop();
    await snapshots.finish();
  }
};

/**
 * Drops from the stream what is committed, so that it holds only what is still to be read; the last message stays, for
 * the incarnation check.
 */
const purgeConsumed = async (nats: NatsConnection, owner: LaneOwner): Promise<void> => {
  try {
    const manager = await jetstreamManager(nats, { timeout: 3_000 });
    const info = await manager.streams.info(contactStream.name);
    const isSame = info.created === owner.created && info.state.last_seq >= Number(owner.sequence);
    if (isSame) await manager.streams.purge(contactStream.name, { seq: Number(owner.sequence) });
  } catch {
    // The next time will do; whether the stream is there at all is the ticker's concern.
  }
};
