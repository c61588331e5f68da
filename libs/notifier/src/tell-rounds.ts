import { type Database, FencedError } from '#event-log';
import type { Asker } from './asker.js';
import { ReachableFilter } from './direct-clients.js';
import { runPass } from './pass.js';
import { readMarks } from './due.js';
import { hasAdmittedAll, readRoundPage } from './round-pages.js';
import { claimRounds, releaseRound, renewRounds, type Round, type RoundOutcome, settleRoundPage } from './rounds.js';
import type { Times } from './rules.js';
import type { Failed } from './keep-looking.js';

export type TellOptions = {
  readonly db: Database;
  readonly asker: Asker;
  readonly times: Times;
  readonly failed: Failed;
};

/** Tells changes, all at the same time: a later one does not wait for an earlier one. */
export class RoundTeller {
  private readonly telling = new Map<Round, Promise<void>>();

  constructor(private readonly options: TellOptions) {}

  /** Takes the rounds that wait; those under way stay this worker's. */
  async look(): Promise<void> {
    const { db, times } = this.options;
    const owners = [...this.telling.keys()].map(({ owner }) => owner);
    await renewRounds(db, owners, times.lease);
    for (const round of await claimRounds(db, times.lease)) {
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
    const { db, asker, times } = this.options;
    const filter = new ReachableFilter();
    const due = new Map<string, string>();
    let end: RoundOutcome['next'] = 'over';
    await runPass(
      {
        reason: round.reason,
        cursor: round.cursor,
        read: async (cursor) => {
          const isForAll = await hasAdmittedAll(db, round);
          const rows = await readRoundPage(db, round, cursor);
          end = isForAll ? 'over' : { cursor: rows.at(-1)?.id ?? cursor, isWaiting: true };
          const page = await filter.pageOf(db, rows);
          for (const { clientId, claim } of await readMarks(db, page.clients)) due.set(clientId, claim);
          return page;
        },
        settle: (answers, cursor) => {
          const answered = answers.filter((answer) => answer.answered).map(({ clientId }) => clientId);
          const unanswered = answers.filter((answer) => !answer.answered).map(({ clientId }) => clientId);
          const marks = answered.flatMap((clientId) => {
            const claim = due.get(clientId);
            return claim === undefined ? [] : [{ clientId, claim }];
          });
          const next = cursor === undefined ? end : { cursor, isWaiting: false };
          return settleRoundPage(db, round, { answered: marks, unanswered, next }, times.retryInterval);
        },
      },
      asker,
    );
  }
}
