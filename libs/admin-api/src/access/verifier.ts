import { createHash } from 'node:crypto';
import { ReachbackError } from '#contracts';
import { isKeyOf } from './secrets.js';

/** Hashes computed at a time: half of Node's threads for such work stay free. */
const atOnce = 2;
/** Keys waiting for their hash, of all and with one id: whoever floods with guesses at one key finds that full first. */
const waiting = 32;
const waitingOfId = 4;
/** Keys known at a time, and for how long, in milliseconds. */
const knownAtMost = 1_000;
const knownFor = 5 * 60_000;

type Known = { readonly hash: string; readonly until: number };

/**
 * Says whether a key is the one that a hash was made of. A right one is remembered for a while by its digest, with the
 * hash: it is right as long as the row that is read with every request has that same hash. Wrong ones are not remembered.
 */
export class KeyVerifier {
  private readonly known = new Map<string, Known>();
  private readonly ofId = new Map<string, number>();
  private readonly queue: (() => void)[] = [];
  private running = 0;

  constructor(
    private readonly verify: typeof isKeyOf = isKeyOf,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * @param assertMayTry called before a key is looked at that is not known to be right, and so takes effort
   * @throws {ReachbackError} `unavailable` when too many keys wait; whatever `assertMayTry` throws
   */
  async isRight(id: string, key: string, hash: string, assertMayTry: () => void): Promise<boolean> {
    const digest = createHash('sha256').update(key).digest('base64url');
    const known = this.known.get(digest);
    if (known && known.hash === hash && known.until > this.now()) return true;
    assertMayTry();
    const isRight = await this.inTurn(id, () => this.verify(key, hash));
    if (isRight) this.remember(digest, { hash, until: this.now() + knownFor });
    return isRight;
  }

  private remember(digest: string, known: Known): void {
    this.known.delete(digest);
    this.known.set(digest, known);
    const [oldest] = this.known.keys();
    if (this.known.size > knownAtMost && oldest !== undefined) this.known.delete(oldest);
  }

  private async inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const same = this.ofId.get(id) ?? 0;
    if (same >= waitingOfId || this.queue.length >= waiting) {
      throw new ReachbackError('unavailable', 'Too many keys are being checked; try again.', 1);
    }
    this.ofId.set(id, same + 1);
    try {
      if (this.running >= atOnce) await new Promise<void>((resolve) => this.queue.push(resolve));
      else this.running++;
      return await work();
    } finally {
      // Whoever is next takes over the place.
      const next = this.queue.shift();
      if (next) next();
      else this.running--;
      const left = (this.ofId.get(id) ?? 1) - 1;
      if (left === 0) this.ofId.delete(id);
      else this.ofId.set(id, left);
    }
  }
}
