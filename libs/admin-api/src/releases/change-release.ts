import { ReachbackError } from '#contracts';
import { type Caller, includes } from '../access/caller.js';
import type { Write } from '../writes/writer.js';
import { entirelyWithin } from './scoped-target.js';
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
 * @throws {ReachbackError} `not_found`; `forbidden` where it is for others too, or held and only an administrator resumes it; `conflict` when it is withdrawn
 */
export const changeRelease = async (
  { tx, append }: Write,
  { role, scope }: Caller,
  id: string,
  change: ReleaseChange,
): Promise<void> => {
  const release = await findRelease(tx, scope, id);
  if (!release) throw new ReachbackError('not_found', 'There is no release with this id.');
  if (!(await entirelyWithin(tx, scope, [id])).has(id)) {
    throw new ReachbackError('forbidden', 'This release is for clients outside of the group of this key too.');
  }
  if (release.held && change === 'resume' && !includes(role, 'admin')) {
    throw new ReachbackError(
      'forbidden',
      'This release is held, for whoever published it has lost the right to; an administrator resumes it.',
    );
  }
  const { pausedAt, withdrawnAt } = release;
  if (withdrawnAt !== null && change !== 'withdraw') {
    throw new ReachbackError('conflict', 'This release is withdrawn for good; publish a newer version.');
  }
  const isSo = { pause: pausedAt !== null, resume: pausedAt === null, withdraw: withdrawnAt !== null }[change];
  if (!isSo) await append({ type: factOf[change], client: null, data: { id } });
};
