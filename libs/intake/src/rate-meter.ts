import type { IngestRate } from './presence-replies.js';

const window = 5;

/** How many contacts a second were committed over the last five whole seconds, and how far behind the log is. */
export class RateMeter {
  private readonly counts = new Map<number, number>();
  private lag = 0;

  record(contacts: number, lagSeconds: number): void {
    const second = Math.floor(Date.now() / 1000);
    this.counts.set(second, (this.counts.get(second) ?? 0) + contacts);
    for (const old of this.counts.keys()) if (old < second - window) this.counts.delete(old);
    this.lag = lagSeconds;
  }

  read(): IngestRate {
    const now = Math.floor(Date.now() / 1000);
    let sum = 0;
    for (let second = now - window; second < now; second++) sum += this.counts.get(second) ?? 0;
    return { lagSeconds: Math.round(this.lag * 1000) / 1000, perSecond: Math.round(sum / window) };
  }
}
