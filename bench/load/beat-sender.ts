import { fleetInbox } from '#identity';
import { clientId, scatter } from '../fleet/names.js';
import type { BeatsJob, BeatsReport } from './beats-protocol.js';
import { RawNats } from './raw-nats.js';
import type { Reach } from './reach.js';

/** Beats that a connection may have under way; the last of every write asks for a receipt, which vouches for all. */
const windowPerConnection = 4_000;
const tick = 4;
/** Beats due longer ago than this many milliseconds are given up: a generator that fell behind must not catch up. */
const patience = 250;

type Link = { readonly nats: RawNats; readonly inbox: string; readonly unanswered: number[]; underWay: number };

/** Sends beats of clients in turn at a rate, in lines that were made beforehand. */
export class BeatSender {
  private readonly lines: Buffer;
  private readonly lineLength: number;
  private links: Link[] = [];
  private readonly counts = { sent: 0, stored: 0, held: 0 };
  private readonly errors = new Set<string>();
  private rate = 0;
  private due = 0;
  private lastTick = performance.now();
  private turn = 0;

  constructor(private readonly job: BeatsJob) {
    const line = (i: number) => `PUB ${this.subject(i)} 0\r\n\r\n`;
    this.lineLength = line(0).length;
    this.lines = Buffer.allocUnsafe(this.lineLength * job.count);
    for (let i = 0; i < job.count; i++) this.lines.write(line(i), i * this.lineLength, 'latin1');
  }

  async start(): Promise<void> {
    const { broker, connections } = this.job;
    this.links = await Promise.all(Array.from({ length: connections }, (_, i) => this.openLink(broker, i)));
    setInterval(() => this.send(), tick);
  }

  setRate(perSecond: number): void {
    this.send();
    this.rate = perSecond;
    this.due = 0;
  }

  report(): BeatsReport {
    return { ...this.counts, errors: [...this.errors] };
  }

  private subject(i: number): string {
    const { prefix, first, count } = this.job;
    return `reachback.v1.${clientId(prefix, first + scatter(i, count))}.heartbeat`;
  }

  private async openLink(broker: Reach, i: number): Promise<Link> {
    const inbox = `_INBOX.${fleetInbox}.bench-${process.pid}-${i}`;
    const nats = await RawNats.connect(broker, (reason) => this.errors.add(reason));
    const link: Link = { nats, inbox, unanswered: [], underWay: 0 };
    nats.subscribe(inbox, (_, payload) => {
      const count = link.unanswered.shift() ?? 0;
      link.underWay -= count;
      if (payload.includes('"error"')) this.errors.add(payload.toString());
      else this.counts.stored += count;
    });
    return link;
  }

  private send(): void {
    const now = performance.now();
    this.due += ((now - this.lastTick) / 1000) * this.rate;
    this.lastTick = now;
    const { rounds, count } = this.job;
    const left = rounds === 0 ? Infinity : rounds * count - this.counts.sent;
    for (let tries = 0; tries < this.links.length && this.due >= 1; tries++) {
      const link = this.links[this.turn++ % this.links.length];
      if (!link) return;
      const wanted = Math.min(Math.floor(this.due), left, windowPerConnection - link.underWay);
      if (wanted > 0) this.due -= this.sendOn(link, wanted);
    }
    const tooLate = Math.floor(this.due - (this.rate * patience) / 1000);
    if (tooLate > 0 && left > 0) {
      this.counts.held += tooLate;
      this.due -= tooLate;
    }
  }

  /** Sends up to `wanted` beats, as far as the lines reach without starting over; returns how many. */
  private sendOn(link: Link, wanted: number): number {
    const from = this.counts.sent % this.job.count;
    const to = Math.min(from + wanted, this.job.count);
    const sent = to - from;
    link.nats.write(this.lines.subarray(from * this.lineLength, (to - 1) * this.lineLength));
    link.nats.write(`PUB ${this.subject(to - 1)} ${link.inbox}.r 0\r\n\r\n`);
    link.unanswered.push(sent);
    link.underWay += sent;
    this.counts.sent += sent;
    return sent;
  }
}
