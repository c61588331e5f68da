import { jetstream, type JetStreamClient } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Lanes } from '#contracts';
import { type Database, FencedError } from '#event-log';
import type { Answer, Asker } from '../asker.js';
import { ReachableFilter } from '../direct-clients.js';
import type { Failed } from '../keep-looking.js';
import { runPass } from '../pass.js';
import {
  claimVerification,
  countClients,
  readVerificationPage,
  releaseVerification,
  renewVerification,
  type RunningVerification,
  settleVerificationPage,
} from './running.js';
import { startIfDue } from './schedule.js';

const storeTimeout = 5_000;

export type VerifierOptions = {
  readonly db: Database;
  readonly nats: NatsConnection;
  readonly lanes: Lanes;
  readonly asker: Asker;
  /** For how long it has the verification that it claimed, in milliseconds. */
  readonly lease: number;
  /**
   * Whether silence would mean anything: clients that lost the broker together with us, or when this machine started,
   * have had time to come back. Nobody is put offline because of our own outage (G1).
   */
  readonly isMeaningful: () => boolean;
  readonly failed: Failed;
};

/** Runs connection verifications (R19). What their outcome means for a client's status is for the lane to say. */
export class Verifier {
  private readonly stream: JetStreamClient;
  private running: { readonly verification: RunningVerification; readonly task: Promise<void> } | undefined;

  constructor(private readonly options: VerifierOptions) {
    this.stream = jetstream(options.nats, { timeout: storeTimeout });
  }

  /** Starts one that is due, and takes the one that runs if nobody works on it. */
  async look(): Promise<void> {
    const { db, lanes, lease, isMeaningful } = this.options;
    if (this.running) return renewVerification(db, this.running.verification, lease);
    if (!isMeaningful()) return;
    await startIfDue(db, lanes);
    const verification = await claimVerification(db, lease);
    if (!verification) return;
    const task = this.run(verification).finally(() => (this.running = undefined));
    this.running = { verification, task };
  }

  async idle(): Promise<void> {
    await this.running?.task;
  }

  private async run(verification: RunningVerification): Promise<void> {
    const { db, failed } = this.options;
    try {
      await countClients(db, verification);
      await this.pass(verification);
    } catch (error) {
      if (error instanceof FencedError) return;
      failed('a connection verification was interrupted', error);
      await releaseVerification(db, verification).catch(() => undefined);
    }
  }

  private pass(verification: RunningVerification): Promise<void> {
    const { db, lanes, asker } = this.options;
    const filter = new ReachableFilter();
    return runPass(
      {
        reason: 'verify',
        cursor: verification.cursor,
        read: async (cursor) => filter.pageOf(db, await readVerificationPage(db, cursor)),
        settle: async (answers, next) => {
          await Promise.all(answers.map((answer) => this.tellLane(answer)));
          const answered = answers.filter((answer) => answer.answered).length;
          await settleVerificationPage(
            db,
            lanes,
            verification,
            { answered, unanswered: answers.length - answered },
            next,
          );
        },
      },
      asker,
    );
  }

  private async tellLane({ clientId, answered, askedAt }: Answer): Promise<void> {
    const kind = answered ? 'answered' : 'unanswered';
    const payload = answered ? '' : JSON.stringify({ asked: askedAt.toISOString() });
    await this.stream.publish(this.options.lanes.relayed(clientId, kind), payload);
  }
}
