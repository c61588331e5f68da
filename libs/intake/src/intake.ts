import type { NatsConnection } from '@nats-io/transport-node';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Lanes } from '#contracts';
import {
  claimLane,
  createRejectLog,
  type Database,
  type IntakeProcess,
  type LaneLease,
  leaseSeconds,
  leaveLanes,
  pause,
  readLeases,
  readProcesses,
  renewLanes,
  renewProcess,
} from '#event-log';
import { type LaneIntake, startLaneIntake } from './lane-intake.js';
import { keepPurging } from './purge.js';
import { lanesToClaim } from './share-lanes.js';
import type { IntakeObserver, IntakeState } from './status.js';

/** How often to show that this process is there, and to look who has which lane, in milliseconds. */
const lookInterval = 1_000;
/** A process that cannot reach the broker cannot take in anything: it is not there, as far as lanes go. */
const brokerTimeout = 2_000;
/** An owner that appends is seen by that; one in these states is not, and another server could do no better. */
const appendsNothing: ReadonlySet<IntakeState['name']> = new Set(['recovering', 'disk_full']);

export type IntakeOptions = {
  readonly db: Database;
  readonly nats: NatsConnection;
  readonly lanes: Lanes;
  readonly log: Logger;
  readonly observer: IntakeObserver;
};

/** The intake of a process while it runs. */
export type RunningIntake = {
  /** What it does with each lane there is. */
  readonly states: () => ReadonlyMap<number, IntakeState>;
  readonly stop: () => Promise<void>;
};

/**
 * Runs the intake of this process's share of the lanes until it is stopped. Which process has which lane is agreed on in
 * the table of lanes; that no two append to one is up to the fencing of its appends alone.
 */
export const startIntake = async (options: IntakeOptions): Promise<RunningIntake> => {
  const { db, nats, log } = options;
  const intake = new Intake(options);
  const stopping = new AbortController();
  void keepPurging(db, nats, () => intake.has(0), stopping.signal);
  const keepLooking = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await intake.look().catch((error: unknown) => log.debug({ error: String(error) }, 'lanes not looked at'));
      await pause(lookInterval, stopping.signal);
    }
  };
  const looking = keepLooking();
  return {
    states: () => intake.states(),
    stop: async () => {
      stopping.abort();
      await looking;
      await intake.stop();
    },
  };
};

class Intake {
  private readonly process: IntakeProcess = { id: randomUUID(), name: `${hostname()} ${process.pid}` };
  private readonly owned = new Map<number, LaneIntake>();
  private readonly rejects;
  private isNew = true;
  /** When it was last there, by a clock that does not jump; undefined before the first time. */
  private lastSeen: number | undefined;
  private mayInheritFrom = 0;

  constructor(private readonly options: IntakeOptions) {
    this.rejects = createRejectLog(options.db, options.observer.rejected);
  }

  /** Shows that it is there, gives up what others have claimed, claims what is its due, and starts what is its own. */
  async look(): Promise<void> {
    const { db } = this.options;
    await this.renew();
    const leases = await readLeases(db);
    for (const { lane, owner } of leases) if (owner !== this.process.id) this.owned.get(lane)?.stop('taken');
    const living = await readProcesses(db);
    const { isNew } = this;
    const mayInherit = performance.now() >= this.mayInheritFrom;
    const claimed: LaneLease[] = [];
    for (const lease of lanesToClaim({ process: this.process.id, living, leases, isNew, mayInherit })) {
      if (await claimLane(db, lease, this.process.id)) claimed.push(lease);
    }
    const own = [...leases.filter(({ owner }) => owner === this.process.id), ...claimed];
    for (const { lane } of own) this.start(lane);
    if (own.length > 0) this.isNew = false;
  }

  states(): ReadonlyMap<number, IntakeState> {
    const all = Array.from({ length: this.options.lanes.count }, (_, lane) => lane);
    return new Map(all.map((lane) => [lane, this.owned.get(lane)?.state() ?? { name: 'standing-by' }]));
  }

  has(lane: number): boolean {
    return this.owned.has(lane);
  }

  async stop(): Promise<void> {
    const { db, log } = this.options;
    const ending = [...this.owned.values()];
    for (const lane of ending) lane.stop('stopping');
    await Promise.all(ending.map(({ ended }) => ended));
    await this.rejects.stop();
    await leaveLanes(db, this.process.id).catch((error: unknown) =>
      log.warn({ error: String(error) }, 'the lanes were not left; others take them in a few seconds'),
    );
  }

  /**
   * Whoever was away for a while, with the broker or the database, must not take everybody for dead: the others were
   * away with it, and need a moment to come back.
   */
  private async renew(): Promise<void> {
    const { db, nats } = this.options;
    await answersWithin(nats, brokerTimeout);
    await renewProcess(db, this.process);
    const waiting = [...this.owned]
      .filter(([, intake]) => appendsNothing.has(intake.state().name))
      .map(([lane]) => lane);
    if (waiting.length > 0) await renewLanes(db, this.process.id, waiting);
    const now = performance.now();
    const wasAway = this.lastSeen !== undefined && now - this.lastSeen > leaseSeconds * 1_000;
    if (wasAway) this.mayInheritFrom = now + leaseSeconds * 1_000;
    this.lastSeen = now;
  }

  private start(lane: number): void {
    if (this.owned.has(lane)) return;
    const intake = startLaneIntake({ ...this.options, lane, rejects: this.rejects });
    this.owned.set(lane, intake);
    void intake.ended.then(() => this.owned.delete(lane));
  }
}

const answersWithin = async (nats: NatsConnection, milliseconds: number): Promise<void> => {
  const given = new AbortController();
  const tooLate = sleep(milliseconds, undefined, { signal: given.signal }).then(() => {
    throw new Error('The broker does not answer.');
  });
  await Promise.race([nats.flush(), tooLate]).finally(() => given.abort());
};
