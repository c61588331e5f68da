import { type Database, FencedError } from '#event-log';
import type { Asker } from './asker.js';
import { ReachableFilter } from './direct-clients.js';
import { runPass } from './pass.js';
import { readMarks } from './due.js';
import { claimRounds, readRoundPage, releaseRound, renewRounds, type Round, settleRoundPage } from './rounds.js';
import type { Failed } from './keep-looking.js';

export type TellOptions = {
  readonly db: Database;
  readonly asker: Asker;
  readonly retryInterval: number;
  readonly failed: Failed;
};

/** Tells changes, all at the same time: a later one does not wait for an earlier one. */
export class RoundTeller {
  private readonly telling = new Map<Round, Promise<void>>();

  constructor(private readonly options: TellOptions) {}

  /** Takes the rounds that wait; those under way stay this worker's. */
  async look(): Promise<void> {
    const { db } = this.options;
    await renewRounds(
      db,
      [...this.telling.keys()].map(({ owner }) => owner),
    );
    for (const round of await claimRounds(db)) {
      const task = this.tell(round).finally(() => this.telling.delete(round));
      this.telling.set(round, task);
    }
  }

  async idle(): Promise<void> {
    await Promise.all(this.telling.values());
  }

  private async tell(round: Round): Promise<void> {
    const { db, failed } = this.options;
    try {
      await this.pass(round);
    } catch (error) {
      if (error instanceof FencedError) return;
      failed('a round of notifications was interrupted', error);
      await releaseRound(db, round).catch(() => undefined);
    }
  }

  private async pass(round: Round): Promise<void> {
    const { db, asker, retryInterval } = this.options;
    const filter = new ReachableFilter();
    const due = new Map<string, string>();
    await runPass(
      {
        reason: round.reason,
        cursor: round.cursor,
        read: async (cursor) => {
          const page = await filter.pageOf(db, await readRoundPage(db, round, cursor));
          for (const { clientId, claim } of await readMarks(db, page.clients)) due.set(clientId, claim);
          return page;
        },
        settle: (answers, next) => {
          const answered = answers.filter((answer) => answer.answered).map(({ clientId }) => clientId);
          const unanswered = answers.filter((answer) => !answer.answered).map(({ clientId }) => clientId);
          const marks = answered.flatMap((clientId) => {
            const claim = due.get(clientId);
            return claim === undefined ? [] : [{ clientId, claim }];
          });
          return settleRoundPage(db, round, { answered: marks, unanswered, next }, retryInterval);
        },
      },
      asker,
    );
  }
}
