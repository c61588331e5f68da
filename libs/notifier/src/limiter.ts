/** Room for a number of things at once, given out in the order in which it was asked for. */
export class Limiter {
  private readonly waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  /** Once the signal aborts nobody waits any more. */
  constructor(
    private free: number,
    private readonly signal: AbortSignal,
  ) {
    signal.addEventListener('abort', () => this.serve(), { once: true });
  }

  take(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push({ count, resolve });
      this.serve();
    });
  }

  give(count: number): void {
    this.free += count;
    this.serve();
  }

  private serve(): void {
    for (let next = this.waiting[0]; next && (next.count <= this.free || this.signal.aborted); next = this.waiting[0]) {
      this.waiting.shift();
      this.free -= next.count;
      next.resolve();
    }
  }
}
