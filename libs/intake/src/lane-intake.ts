import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { contactStream, type Lanes, subjects } from '#contracts';
import { inactiveRemovals } from '#domain';
import {
  type Database,
  FencedError,
  isDiskFull,
  pause,
  readLane,
  type RejectLog,
  takeLane,
  type Watermark,
} from '#event-log';
import { inlineProjections } from '#projections';
import { compareIncarnation } from './incarnation.js';
import { LaneOwner } from './owner.js';
import { answerPresence } from './presence-replies.js';
import { assertMapped } from './probe.js';
import { RateMeter } from './rate-meter.js';
import { recoverPresence } from './recover.js';
import { Room } from './room.js';
import { Snapshots } from './snapshots.js';
import { Source } from './source.js';
import { type IntakeObserver, type IntakeState, newProgress } from './status.js';
import { ensureContactStream } from './stream.js';
import { startTicker } from './ticker.js';

/**
 * Messages in one transaction at most. Usually there are far fewer; behind a backlog, a lane gains on it as long as this
 * many come no faster than the log's lock comes round, which took 0.6 s in a soak, where 8,192 never caught up.
 */
const batchSize = 32_768;
const retryPause = 500;

export type LaneIntakeOptions = {
  readonly db: Database;
  readonly nats: NatsConnection;
  readonly lanes: Lanes;
  readonly lane: number;
  readonly log: Logger;
  readonly rejects: RejectLog;
  readonly observer: Pick<IntakeObserver, 'committed'>;
};

/** The intake of one lane by this process. */
export type LaneIntake = {
  readonly state: () => IntakeState;
  /** Ends it after the batch that is under way; `ended` tells when. */
  readonly stop: (reason: 'stopping' | 'taken') => void;
  /** Resolves when it has ended, by itself because another process has the lane, or because it was stopped. */
  readonly ended: Promise<void>;
};

/**
 * Takes the lane, recovers presence, and appends what the stream brings, until it is stopped or fenced. Whatever else
 * fails (broker, database, stream) ends the ownership, and a new one starts from what is committed.
 */
export const startLaneIntake = (options: LaneIntakeOptions): LaneIntake => {
  const stopping = new AbortController();
  let state: IntakeState = { name: 'starting' };
  const { lane, log } = options;
  const standBy = () => log.warn({ lane }, 'another server has taken the lane; standing by');
  return {
    state: () => state,
    stop: (reason) => {
      if (!stopping.signal.aborted && reason === 'taken') standBy();
      stopping.abort();
    },
    ended: run(options, (entered) => (state = entered), stopping.signal).then((end) => {
      if (end === 'fenced' && !stopping.signal.aborted) standBy();
    }),
  };
};

/** Told whenever the intake does something else from now on. */
type Enter = (state: IntakeState) => void;

const run = async (options: LaneIntakeOptions, enter: Enter, signal: AbortSignal): Promise<'fenced' | 'stopped'> => {
  const { db, lane, log } = options;
  const room = new Room(options);
  let term: bigint | undefined;
  while (!signal.aborted) {
    try {
      await own({ ...options, room }, enter, signal, (taken) => (term = taken));
    } catch (error) {
      const isFull = isDiskFull(error);
      enter({ name: isFull ? 'disk_full' : 'starting' });
      if (isFull) await room.untilThere(error, signal);
      if (signal.aborted) break;
      // Whatever ended the ownership: if another server has the lane by now, it keeps it.
      if (error instanceof FencedError || (await hasOtherOwner(db, lane, term))) return 'fenced';
      if (isFull) continue;
      log.warn({ lane, error: messageOf(error) }, 'intake stopped; starting again from what is committed');
      await pause(retryPause, signal);
    }
  }
  return 'stopped';
};

const hasOtherOwner = async (db: Database, lane: number, term: bigint | undefined): Promise<boolean> =>
  term !== undefined && (await readLane(db, lane).catch(() => ({ term }))).term !== term;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

type OwnOptions = LaneIntakeOptions & { readonly room: Room };

/** One ownership of the lane, from taking it to losing it. */
const own = async (
  options: OwnOptions,
  enter: Enter,
  signal: AbortSignal,
  taken: (term: bigint) => void,
): Promise<void> => {
  const { db, nats, lanes, lane, log, rejects } = options;
  const started = Date.now();
  const manager = await jetstreamManager(nats, { timeout: 3_000 });
  await ensureContactStream(nats, manager, lanes);
  await assertMapped(nats, manager, lanes, lane);
  const progress = newProgress();
  enter({ name: 'recovering', progress });
  const term = await takeLane(db, lane);
  taken(term);
  const row = await readLane(db, lane);
  const removalLimit = Math.floor(inactiveRemovals.limit / lanes.count);
  const { presence, conclusions, replayed } = await recoverPresence(db, lane, row, removalLimit, progress);
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
  const source = await Source.open(nats, manager, { ...next.start, filter: lanes.filter(lane) });
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
    await readOn(options, owner, source, new Snapshots(db, lane, log, replayed), signal);
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

const readOn = async (
  options: OwnOptions,
  owner: LaneOwner,
  source: Source,
  snapshots: Snapshots,
  signal: AbortSignal,
): Promise<void> => {
  const { nats, lanes, lane, observer, room } = options;
  const meter = new RateMeter();
  const end = (reason: string) => source.end(new Error(reason));
  const onAbort = () => end('The server is stopping.');
  signal.addEventListener('abort', onAbort, { once: true });
  const ticker = startTicker(
    nats,
    lanes.tick(lane),
    (sequence) => {
      if (sequence <= Number(owner.sequence)) end('The stream gave a sequence number a second time.');
    },
    (error) => end(`The stream did not take a tick: ${error.message}`),
  );
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
      const { contacts, chunks, facts } = await owner.append(messages);
      room.found();
      observer.committed({ lane, messages: messages.length, chunks, seconds: (performance.now() - begun) / 1000 });
      meter.record(contacts, owner.lagAt(Date.now()));
      nats.publish(subjects.committed(lane), JSON.stringify({ sequence: String(owner.sequence) }));
      snapshots.consider(owner.presence, owner.head, { contacts, facts });
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    ticker.stop();
    replies.stop();
    await snapshots.finish();
  }
};
