/**
 * Two machines with one identity. An agent gives itself a number when it starts, its instance, and says it when it asks.
 * A number that another one took over from is that of a process that has ended: who restarts, or is installed anew, has a
 * new one. So if it is heard again, both run.
 *
 * A machine that was copied while it ran has a copy with the same number. So the process counts its requests as well, and
 * where the count goes back it is asked for another number: then the two are told apart like any others, and a machine that
 * was set back to a state of its own is alone with the new one.
 */

/** A contact up to which a process is known to have counted: when it came, and when it says that it was sent. */
export type Counted = { readonly sequence: number; readonly since: number; readonly sentAt: number | null };

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
  /** Who took over from one that speaks on: machines that came later, newest first. */
  readonly copies: readonly string[];
  /** Of the current one; null where it does not count. */
  readonly counted: Counted | null;
};

/** What a contact with an instance number says of itself. */
export type Sighting = {
  readonly instance: string;
  /** Which request of the process it is, from 1; null where it does not count. */
  readonly sequence: number | null;
  readonly at: number;
  readonly sentAt: number | null;
};

/**
 * `known`: nothing new. `counted`: the same process as before, further on. `set-back`: the same, with a count that it has
 * passed; it is to give itself another number. `taken-over`: by a process that was never heard before; a restart is no more
 * than this. `copied`: who was taken over from speaks on. `copy`: one of those speaks that took over from him.
 */
export type SightingVerdict = 'known' | 'counted' | 'set-back' | 'taken-over' | 'copied' | 'copy';

/** Earlier instances that are remembered; of a machine copied more often, some two still meet. */
const remembered = 16;
/** The same where they follow one another sooner than a machine restarts: an image's copies that start together. */
const rememberedOfMany = 1_000;
/** In milliseconds. */
const sooner = 3_600_000;
/** For how long a request of a process that has ended may still be under way, in milliseconds; nobody waits longer. */
const underWay = 10_000;
/** Of so many requests of a process one is noted: a poll that changes nothing is to cost no write. */
const apart = 16;

export const judgeSighting = (known: Instances | undefined, seen: Sighting): SightingVerdict => {
  if (known?.current === seen.instance) return judgeCount(known.counted, seen);
  if (known?.copies.includes(seen.instance)) return 'copy';
  if (!known?.past.includes(seen.instance)) return 'taken-over';
  return isLate(known, seen) ? 'known' : 'copied';
};

/** Of two that run on from one state whoever comes later to the next count that is noted is found out there. */
const judgeCount = (counted: Counted | null, seen: Sighting): SightingVerdict => {
  const { sequence, sentAt } = seen;
  if (sequence === null) return 'known';
  if (counted === null || sequence >= counted.sequence + apart) return 'counted';
  if (sequence > counted.sequence) return 'known';
  if (sequence < counted.sequence) return isLate(counted, seen) ? 'known' : 'set-back';
  // The same request sent again says the same time.
  return sentAt === null || counted.sentAt === null || sentAt === counted.sentAt ? 'known' : 'set-back';
};

/** Whether it may have been sent before the other one: by one clock it was, and two have no order this soon. */
const isLate = (known: Pick<Counted, 'since' | 'sentAt'>, seen: Sighting): boolean => {
  if (seen.at - known.since >= underWay) return false;
  return known.sentAt === null || seen.sentAt === null || seen.sentAt <= known.sentAt;
};

/** What is kept of a count. */
export const countedBy = ({ sequence, at, sentAt }: Sighting): Counted | null =>
  sequence === null ? null : { sequence, since: at, sentAt };

const speaking = (seen: Sighting) => ({
  current: seen.instance,
  since: seen.at,
  sentAt: seen.sentAt,
  counted: countedBy(seen),
});

/** Who is known once an instance has taken over. */
export const takeOver = (known: Instances | undefined, seen: Sighting): Instances => ({
  ...speaking(seen),
  past: known
    ? [known.current, ...known.past].slice(0, seen.at - known.since < sooner ? rememberedOfMany : remembered)
    : [],
  copies: known?.copies ?? [],
});

/** Who is known once one is heard that others took over from: they came later, and are its copies. */
export const takeBack = (known: Instances, seen: Sighting): Instances => {
  const all = [known.current, ...known.past];
  const place = all.indexOf(seen.instance);
  return {
    ...speaking(seen),
    past: all.slice(place + 1),
    copies: [...all.slice(0, place), ...known.copies].slice(0, rememberedOfMany),
  };
};

/** A connection with a credential. */
export type Connection = {
  /** Which one it is, of all there ever were. */
  readonly id: string;
  /** Where it comes from. */
  readonly address: string;
  /** When it was opened; ISO 8601. */
  readonly start: string;
  /** Messages that came by it so far. */
  readonly sent: number;
};

/** How much had been sent by each connection when the newest was seen first. */
export type Looks = ReadonlyMap<string, number>;

/**
 * Whether two machines have one credential, by its connections: two by which something was sent since the newest was seen
 * first. By those that one machine has left behind it sends nothing after it has opened another. The one that was there
 * before the other comes first, and the other is from another address if any is.
 */
export const copiesAmong = (
  before: Looks,
  now: readonly Connection[],
): { readonly looks: Looks; readonly copies: readonly [Connection, Connection] | undefined } => {
  const known = now.every(({ id }) => before.has(id)) ? before : new Map<string, number>();
  const used = now
    .filter(({ id, sent }) => sent > (known.get(id) ?? Infinity))
    .sort((one, other) => Date.parse(one.start) - Date.parse(other.start));
  const [first, ...others] = used;
  const second = others.find(({ address }) => address !== first?.address) ?? others[0];
  return {
    looks: new Map(now.map(({ id, sent }) => [id, known.get(id) ?? sent])),
    copies: first && second ? [first, second] : undefined,
  };
};

/** What an administrator wants done about copies. */
export const copyPolicies = ['report', 'refuse', 'quarantine', 'split', 'split-on-approval'] as const;
export type CopyPolicy = (typeof copyPolicies)[number];

/** Whether who came later becomes a client of its own. */
export const isSplitting = (policy: CopyPolicy): boolean => policy === 'split' || policy === 'split-on-approval';

/**
 * How a request of a client that was copied is treated: served as ever; answered with an error; or answered without work.
 * Who is to be split off is known one by one ({@link judgeSighting}), and the client is served. Where the two cannot be told
 * apart neither is refused, and neither gets work.
 *
 * @param holder the instance that was there before the other; null where nobody has said
 */
export const treatCopy = (
  policy: CopyPolicy,
  holder: string | null,
  instance: string | undefined,
): 'serve' | 'refuse' | 'withhold' => {
  if (policy === 'quarantine' || (policy === 'refuse' && holder === null)) return 'withhold';
  return policy === 'refuse' && instance !== holder ? 'refuse' : 'serve';
};
