import { contactLimit } from '#domain';

/** Counts each client's contacts by ordinal, in windows of the log's time (G12). Two bytes a client. */
export class ContactLimiter {
  private counts = new Uint16Array(1024);
  private windowEnd = 0;

  /** Whether one more contact of a client is taken in. */
  admits(ordinal: number, at: number): boolean {
    if (at >= this.windowEnd) {
      this.counts.fill(0);
      this.windowEnd = at + contactLimit.window;
    }
    if (ordinal >= this.counts.length) this.grow(ordinal + 1);
    const count = this.counts[ordinal] ?? 0;
    if (count >= contactLimit.contacts) return false;
    this.counts[ordinal] = count + 1;
    return true;
  }

  private grow(needed: number): void {
    const longer = new Uint16Array(Math.max(needed, this.counts.length * 2));
    longer.set(this.counts);
    this.counts = longer;
  }
}
