/** Hands out clients when their time has come: buckets of a few milliseconds, a client in one at a time. */
export class Schedule {
  private readonly buckets = new Map<number, number[]>();
  private next: number;

  constructor(
    now: number,
    private readonly width = 20,
  ) {
    this.next = Math.floor(now / width);
  }

  add(client: number, time: number): void {
    const bucket = Math.max(Math.floor(time / this.width), this.next);
    const waiting = this.buckets.get(bucket);
    if (waiting) waiting.push(client);
    else this.buckets.set(bucket, [client]);
  }

  /** The clients whose time has come. */
  *due(now: number): Generator<number> {
    const last = Math.floor(now / this.width);
    while (this.next < last) {
      const bucket = this.buckets.get(this.next);
      this.buckets.delete(this.next);
      this.next++;
      if (bucket) yield* bucket;
    }
  }
}
