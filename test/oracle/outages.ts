import type { Entry } from './history.js';

/** A time in which agents could not be heard. */
export type Outage = { readonly from: number; readonly to: number };

/**
 * When nothing could arrive because the broker was away; and when no poll was answered, whoever was away. Every outage
 * of the broker lies in one of the server, which cannot send its ticks then.
 */
export type Outages = { readonly broker: readonly Outage[]; readonly server: readonly Outage[] };

const longestQuiet = 2_000;
const toReconnect = 5_000;

/** G1: away was who ought to have been heard within two seconds: the broker by any message, the server by its ticks. */
export function outagesIn(entries: readonly Entry[]): Outages {
  return {
    broker: gaps(entries.filter(isMessage)),
    server: gaps(entries.filter(({ type }) => type === 'tick')),
  };
}

/** What of them is known at a time: an outage shows when it ends. */
export function endedBy(time: number, { broker, server }: Outages): Outages {
  const ended = ({ to }: Outage) => to <= time;
  return { broker: broker.filter(ended), server: server.filter(ended) };
}

/** Messages come through the broker and make the log's time pass; what administrators do does not. */
export function isMessage({ type }: Entry): boolean {
  return type === 'contact' || type === 'answered' || type === 'unanswered' || type === 'tick';
}

function gaps(entries: readonly Entry[]): Outage[] {
  return entries.flatMap(({ at: to }, index) => {
    const from = entries[index - 1]?.at ?? to;
    return to - from > longestQuiet ? [{ from, to }] : [];
  });
}

/**
 * G1: when a wait that began at `since` and would end at `due` does end. An outage in between moves its end by its
 * length, one interval, and the time to reconnect.
 *
 * @param now the log's time, at which the wait has not ended: outages before it were in between
 */
export function moveByOutages(
  due: number,
  wait: { readonly since: number; readonly interval: number; readonly now: number },
  outages: readonly Outage[],
): number {
  return outages
    .filter(({ to }) => to > wait.since)
    .reduce(
      (moved, { from, to }) =>
        from <= Math.max(moved, wait.now) ? moved + (to - from) + wait.interval + toReconnect : moved,
      due,
    );
}

/** R19, G1: whether somebody could have been heard all the time, as far as it is known at its end. */
export function couldBeHeard(from: number, to: number, { broker, server }: Outages): boolean {
  return ![...broker, ...server].some((outage) => outage.to > from && outage.from + longestQuiet < to);
}
