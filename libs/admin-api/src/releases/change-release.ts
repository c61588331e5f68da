import { ReachbackError } from '#contracts';
import type { Write } from '../writes/writer.js';
import { findRelease } from './select-releases.js';

/** What an administrator can do to a release that is published. */
export type ReleaseChange = 'pause' | 'resume' | 'withdraw';

const factOf = { pause: 'release-paused', resume: 'release-resumed', withdraw: 'release-withdrawn' } as const;

/**
 * Changes a release; one that is so already stays as it is and leaves no fact.
 *
 * A withdrawn release is never delivered again, and cannot be paused or resumed. Where the newest release that is left
 * was not delivered yet, it is wanted again; but who has the withdrawn version keeps it, for nothing is rolled back: to
 * replace it, publish a newer one.
 *
 * @throws {ReachbackError} `not_found`; `conflict` when it is withdrawn
 */
export const changeRelease = async ({ tx, append }: Write, id: string, change: ReleaseChange): Promise<void> => {
  const release = await findRelease(tx, id);
  if (!release) throw new ReachbackError('not_found', 'There is no release with this id.');
  const { pausedAt, withdrawnAt } = release;
  if (withdrawnAt !== null && change !== 'withdraw') {
    throw new ReachbackError('conflict', 'This release is withdrawn for good; publish a newer version.');
  }
  const isSo = { pause: pausedAt !== null, resume: pausedAt === null, withdraw: withdrawnAt !== null }[change];
  if (!isSo) await append({ type: factOf[change], client: null, data: { id } });
};
