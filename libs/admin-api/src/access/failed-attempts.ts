import { ReachbackError } from '#contracts';
import { neighbourhoodOf } from './address.js';

/** Wrong keys from one address before it has to wait; and for one key from one address. */
const allowed = { address: 20, key: 5 } as const;
/** The first wait and the longest, in milliseconds; each further wrong key doubles it. */
const shortest = 30_000;
const longest = 15 * 60_000;
/** Failures are forgotten so long after the last, or after the wait that it led to, in milliseconds. */
const forgottenAfter = 15 * 60_000;
/** What is remembered at most: 100 bytes each. Beyond it whoever failed longest ago is forgotten. */
const capacity = 20_000;

type Failures = { readonly count: number; readonly until: number };

/** Where a key came from, and its id if it has one. */
export type Attempt = { readonly address: string; readonly keyId: string | undefined };

/**
 * Remembers who sent wrong keys, and makes them wait (429). What counts is always the address (of IPv6 its site), or the
 * address together with the id of the key: never the id alone, so that nobody locks another's key out by trying it.
 * A right key does not take failures of its address back, or whoever has one could guess others for ever.
 *
 * It is asked before a key is looked at that takes effort to check, and only then: a key that is known at once to be
 * right is let in whatever its neighbours did.
 */
export class FailedAttempts {
  private readonly failures = new Map<string, Failures>();

  constructor(
    private readonly now: () => number = Date.now,
    private readonly remembered: number = capacity,
  ) {}

  /** @throws {ReachbackError} `too_many_failures` with the seconds to wait */
  assertMayTry(attempt: Attempt): void {
    const until = Math.max(...namesOf(attempt).map(([name]) => this.known(name)?.until ?? 0));
    const seconds = Math.ceil((until - this.now()) / 1000);
    if (seconds > 0) throw new ReachbackError('too_many_failures', undefined, seconds);
  }

  /** Counts a wrong key. @returns for how many seconds its sender has to wait now; 0 is not at all */
  count(attempt: Attempt): number {
    return Math.max(...namesOf(attempt).map(([name, limit]) => this.countOne(name, limit)));
  }

  private countOne(name: string, limit: number): number {
    const count = (this.known(name)?.count ?? 0) + 1;
    const wait = count < limit ? 0 : Math.min(shortest * 2 ** Math.min(count - limit, 10), longest);
    // The newest is the last in the map's order.
    this.failures.delete(name);
    this.failures.set(name, { count, until: this.now() + wait });
    const [oldest] = this.failures.keys();
    if (this.failures.size > this.remembered && oldest !== undefined) this.failures.delete(oldest);
    return wait / 1000;
  }

  private known(name: string): Failures | undefined {
    const failures = this.failures.get(name);
    if (failures && failures.until + forgottenAfter > this.now()) return failures;
    this.failures.delete(name);
    return undefined;
  }
}

const namesOf = ({ address, keyId }: Attempt): readonly (readonly [name: string, limit: number])[] => {
  const from = neighbourhoodOf(address);
  const whole = [`address ${from}`, allowed.address] as const;
  return keyId === undefined ? [whole] : [whole, [`key ${keyId} ${from}`, allowed.key]];
};
