/**
 * Two machines with one identity. An agent gives itself a number when it starts, its instance, and says it when it asks.
 * A number that another one took over from is that of a process that has ended: who restarts, or is installed anew, has a
 * new one. So if it is heard again, both run.
 */

/** Who speaks as a client, as far as it was heard. */
export type Instances = {
  /** Who took over last. */
  readonly current: string;
  /** When it did, by the server's clock; milliseconds. */
  readonly since: number;
  /** When it says that it sent what it took over with, by its own clock, likewise. */
  readonly sentAt: number | null;
  /** Who spoke before, newest first. */
  readonly past: readonly string[];
};

/** What a contact with an instance number says of itself. */
export type Sighting = { readonly instance: string; readonly at: number; readonly sentAt: number | null };

/**
 * `known`: nothing new. `taken-over`: by a process that was never heard before; a restart is no more than this. `copied`:
 * who was taken over from speaks on.
 */
export type SightingVerdict = 'known' | 'taken-over' | 'copied';

/** Earlier instances that are remembered; of a machine copied more often, some two still meet. */
const remembered = 16;
/** For how long a request of a process that has ended may still be under way, in milliseconds; nobody waits longer. */
const underWay = 10_000;

export const judgeSighting = (known: Instances | undefined, seen: Sighting): SightingVerdict => {
  if (known?.current === seen.instance) return 'known';
  if (!known?.past.includes(seen.instance)) return 'taken-over';
  return isLate(known, seen) ? 'known' : 'copied';
};

/** Whether it may have been sent before the other took over: by one clock it was, and two have no order this soon. */
const isLate = (known: Instances, seen: Sighting): boolean => {
  if (seen.at - known.since >= underWay) return false;
  return known.sentAt === null || seen.sentAt === null || seen.sentAt <= known.sentAt;
};

/** Who is known once an instance has taken over. */
export const takeOver = (known: Instances | undefined, { instance, at, sentAt }: Sighting): Instances => ({
  current: instance,
  since: at,
  sentAt,
  past: known ? [known.current, ...known.past].slice(0, remembered) : [],
});

/** What an administrator wants done about copies. */
export const copyPolicies = ['report', 'refuse', 'quarantine'] as const;
export type CopyPolicy = (typeof copyPolicies)[number];

/**
 * How a request of a client that was copied is treated: served as ever; answered with an error; or answered without work.
 *
 * @param holder the instance that was there before the other
 */
export const treatCopy = (
  policy: CopyPolicy,
  holder: string,
  instance: string | undefined,
): 'serve' | 'refuse' | 'withhold' => {
  if (policy === 'quarantine') return 'withhold';
  return policy === 'refuse' && instance !== holder ? 'refuse' : 'serve';
};
