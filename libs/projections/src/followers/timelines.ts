import type { Cause, Status } from '#contracts';

/** A status that a client took; `at` in milliseconds. */
export type Transition = {
  readonly client: string;
  readonly position: bigint;
  readonly at: number;
  readonly status: Status;
  readonly cause: Cause;
};
/** With what the fleet counts the client as from here on, and up to here; null while it is not registered. */
export type CountedTransition = Transition & {
  readonly counted: Status | null;
  readonly countedBefore: Status | null;
};
export type MinuteDelta = { readonly minute: number; readonly status: Status; readonly delta: number };

const minuteLength = 60_000;

/** Whoever was removed is in no count from then on (R7, R8). */
const countedAs = (transition: Transition | undefined): Status | null =>
  !transition || transition.cause === 'uninstalled' || transition.cause === 'inactive' ? null : transition.status;

/**
 * The timelines of some clients as transitions are added in the order of the log.
 *
 * The last word counts, from the time that it gives: a transition that gives an earlier time than ones before it (they
 * come from the clocks of different machines, and silence is noticed after its deadline) overtakes these, and they are
 * taken out together with what they did to the counts. So the times of a timeline never go back.
 */
export class Timelines {
  /** Stored transitions that count no more. */
  readonly overtaken: Transition[] = [];
  private readonly fresh = new Set<Transition>();
  private readonly lines: Map<string, Transition[]>;
  private readonly changes = new Map<string, { minute: number; status: Status; delta: number }>();

  /** @param stored of each client in order: what is in force at the time of the earliest transition to come, and after */
  constructor(stored: ReadonlyMap<string, readonly Transition[]>) {
    this.lines = new Map([...stored].map(([client, line]) => [client, [...line]]));
  }

  add(transition: Transition): void {
    const line = this.lines.get(transition.client) ?? [];
    this.lines.set(transition.client, line);
    for (let last = line.at(-1); last && last.at > transition.at; last = line.at(-1)) {
      line.pop();
      if (!this.fresh.delete(last)) this.overtaken.push(last);
      this.count(last, line.at(-1), -1);
    }
    this.count(transition, line.at(-1), 1);
    line.push(transition);
    this.fresh.add(transition);
  }

  /** The transitions added that still count. */
  get added(): readonly CountedTransition[] {
    const added: CountedTransition[] = [];
    for (const line of this.lines.values()) {
      line.forEach((transition, i) => {
        if (!this.fresh.has(transition)) return;
        added.push({ ...transition, counted: countedAs(transition), countedBefore: countedAs(line[i - 1]) });
      });
    }
    return added;
  }

  /** By how much the counts change. */
  get deltas(): readonly MinuteDelta[] {
    return [...this.changes.values()].filter(({ delta }) => delta !== 0);
  }

  private count(transition: Transition, before: Transition | undefined, sign: 1 | -1): void {
    const minute = Math.floor(transition.at / minuteLength) * minuteLength;
    this.change(minute, countedAs(transition), sign);
    this.change(minute, countedAs(before), sign === 1 ? -1 : 1);
  }

  private change(minute: number, status: Status | null, by: number): void {
    if (status === null) return;
    const key = `${minute} ${status}`;
    const known = this.changes.get(key);
    if (known) known.delta += by;
    else this.changes.set(key, { minute, status, delta: by });
  }
}
