import type { NotifyReason } from '#contracts';
import type { Answer, Asker } from './asker.js';
import { pageSize } from './rules.js';

/** Whom to ask, and where the next page begins; undefined after the last. */
export type Page = { readonly clients: readonly string[]; readonly next: string | undefined };

/** Something that all direct clients, or those it concerns, are asked, page by page. */
export type Pass = {
  readonly reason: NotifyReason;
  /** The id of the last client that is done with. */
  readonly cursor: string;
  readonly read: (cursor: string) => Promise<Page>;
  /** Writes down what became of a page, with the place where to go on after a restart. */
  readonly settle: (answers: readonly Answer[], next: string | undefined) => Promise<void>;
};

/**
 * Asks page after page without waiting for the answers to the one before: a silent client holds up nobody. Pages are
 * settled in their order, so whoever goes on from the last settled place forgets nobody, and asks at most those again
 * whose answers were under way.
 */
export const runPass = async (pass: Pass, asker: Asker): Promise<void> => {
  let settling: Promise<void> = Promise.resolve();
  let failed = false;
  for (let cursor: string | undefined = pass.cursor; cursor !== undefined && !failed;) {
    const from: string = cursor;
    const { page, answers } = await asker.askPage(
      pageSize,
      () => pass.reason,
      () => pass.read(from),
    );
    settling = Promise.all([answers, settling]).then(([settled]) => pass.settle(settled, page.next));
    settling.catch(() => (failed = true));
    cursor = page.next;
  }
  await settling;
};
