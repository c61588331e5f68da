import type { NotifyReason } from '#contracts';
import { ReachableFilter } from './direct-clients.js';
import { claimDue, type DueClient, selectStillLacking, settleDue } from './due.js';
import { pageSize } from './rules.js';
import type { TellOptions } from './tell-rounds.js';

/** Tells single clients whose time has come, without waiting for those before. */
export class DueTeller {
  private readonly telling = new Set<Promise<void>>();
  private readonly filter = new ReachableFilter();

  constructor(private readonly options: TellOptions) {}

  /** Asks the next of those that wait; whether there may be more. */
  async look(): Promise<boolean> {
    const { db, asker, times, failed } = this.options;
    const reasons = new Map<string, NotifyReason>();
    const reasonOf = (clientId: string): NotifyReason => reasons.get(clientId) ?? 'settings';
    const { page, answers } = await asker.askPage(pageSize, reasonOf, async () => {
      const claimed = await claimDue(db, pageSize, times.answerTimeout + times.lease);
      for (const { clientId, reason } of claimed) reasons.set(clientId, reason);
      return { claimed, clients: await this.stillLacking(claimed) };
    });
    const task: Promise<void> = answers
      .then((settled) => settleDue(db, page.claimed, settled, times.retryInterval))
      .catch((error: unknown) => failed('notifications were interrupted', error))
      .finally(() => this.telling.delete(task));
    this.telling.add(task);
    return page.claimed.length === pageSize;
  }

  async idle(): Promise<void> {
    await Promise.all(this.telling);
  }

  private async stillLacking(claimed: readonly DueClient[]): Promise<readonly string[]> {
    if (claimed.length === 0) return [];
    const { db } = this.options;
    const lacking = await selectStillLacking(
      db,
      claimed.map(({ clientId }) => clientId),
    );
    return (await this.filter.keep(db, lacking)).map(({ id }) => id);
  }
}
