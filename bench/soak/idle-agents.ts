import { scatter } from '../fleet/names.js';

/** The agents with nothing under way, in the order in which they became so; at first all, in no order memory could like. */
export class IdleAgents {
  private readonly ring: Int32Array;
  private first = 0;
  private count: number;

  constructor(private readonly clients: number) {
    this.ring = Int32Array.from({ length: clients }, (_, i) => scatter(i, clients));
    this.count = clients;
  }

  get size(): number {
    return this.count;
  }

  /** The one that has been idle longest, which no longer is; undefined where none is. */
  take(): number | undefined {
    if (this.count === 0) return undefined;
    const client = this.ring[this.first];
    this.first = (this.first + 1) % this.clients;
    this.count--;
    return client;
  }

  /** One that was taken is idle again. */
  add(client: number): void {
    this.ring[(this.first + this.count) % this.clients] = client;
    this.count++;
  }
}
