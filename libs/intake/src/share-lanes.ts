import { type LaneLease, leaseSeconds } from '#event-log';

export type Sharing = {
  /** The process that asks. */
  readonly process: string;
  /** All that are there, itself among them. */
  readonly living: readonly string[];
  readonly leases: readonly LaneLease[];
  /** It has only just started, and has had no lane yet. */
  readonly isNew: boolean;
  /** It may take lanes of silent owners; not one that was silent itself a moment ago, for they may all come back. */
  readonly mayInherit: boolean;
};

/**
 * Which lanes a process should claim now, so that every lane has an owner and nobody has two more than another.
 *
 * Lanes that nobody works on go to whoever has fewer than its share, all at once. Where there are none, whoever has two
 * fewer than another takes one from it; the next look sees what came of it. One that starts takes at least one: with one
 * lane it is the newest process that has it, so that a restart waits for nobody's silence.
 */
export const lanesToClaim = (sharing: Sharing): readonly LaneLease[] => {
  const { process, living, leases, isNew, mayInherit } = sharing;
  const own = leases.filter(({ owner }) => owner === process).length;
  const isSilent = ({ silence }: LaneLease): boolean => silence > leaseSeconds;
  const isFree = (lease: LaneLease): boolean => lease.owner === null || (mayInherit && isSilent(lease));
  const free = leases.filter((lease) => lease.owner !== process && isFree(lease));
  const share = Math.ceil(leases.length / Math.max(1, living.length));
  if (free.length > 0) return free.slice(0, Math.max(0, share - own));
  const richest = richestOther(sharing);
  const isDue = richest.length >= own + 2 || (isNew && own === 0);
  return isDue ? richest.slice(-1) : [];
};

/** The lanes of the process that has the most, of those that work. */
const richestOther = ({ process, leases }: Sharing): readonly LaneLease[] => {
  const byOwner = new Map<string, LaneLease[]>();
  for (const lease of leases) {
    if (lease.owner === null || lease.owner === process) continue;
    const lanes = byOwner.get(lease.owner);
    if (lanes) lanes.push(lease);
    else byOwner.set(lease.owner, [lease]);
  }
  return [...byOwner.values()].reduce<readonly LaneLease[]>(
    (most, lanes) => (lanes.length > most.length ? lanes : most),
    [],
  );
};
