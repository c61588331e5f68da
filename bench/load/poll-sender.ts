import { fleetInbox } from '#identity';
import { clientId, scatter } from '../fleet/names.js';
import { percentile, round } from '../statistics.js';
import type { PollsJob, PollsReport } from './polls-protocol.js';
import { RawNats } from './raw-nats.js';
import type { Reach } from './reach.js';

const tick = 1;

/** Requests of different clients in turn, and how long each waits for its answer. */
export class PollSender {
  private readonly dueTimes = new Map<number, number>();
  private readonly latencies: number[] = [];
  private links: readonly RawNats[] = [];
  private sent = 0;
  private answered = 0;
  private refused = 0;
  private errors = 0;
  private firstError: string | undefined;
  private measuredFrom = Infinity;
  private measuredTo = Infinity;
  private lastAnswer = 0;

  constructor(private readonly job: PollsJob) {}

  async run(): Promise<PollsReport> {
    const { broker, connections, warmUp, seconds, offer, patience } = this.job;
    this.links = await Promise.all(Array.from({ length: connections }, (_, i) => this.openLink(broker, i)));
    const start = performance.now();
    this.measuredFrom = start + warmUp * 1000;
    this.measuredTo = this.measuredFrom + seconds * 1000;
    if ('underWay' in offer) for (let i = 0; i < offer.underWay; i++) this.send(start);
    else await this.sendAtRate(offer.perSecond, start);
    await pause(Math.max(0, this.measuredTo - performance.now()));
    const until = performance.now() + patience * 1000;
    while ('perSecond' in offer && this.dueTimes.size > 0 && performance.now() < until) await pause(10);
    for (const link of this.links) link.close();
    if ('perSecond' in offer) this.errors += this.dueTimes.size;
    return this.report(start);
  }

  private report(start: number): PollsReport {
    const { latencies, refused, errors, firstError } = this;
    const at = (share: number) => round(percentile(latencies, share), 2);
    return {
      perSecond: round(this.answered / this.job.seconds),
      p50: at(0.5),
      p99: at(0.99),
      max: at(1),
      lasted: round(this.lastAnswer - start),
      refused,
      errors,
      firstError,
    };
  }

  private async openLink(broker: Reach, i: number): Promise<RawNats> {
    const nats = await RawNats.connect(broker, (reason) => this.fail(reason));
    nats.subscribe(this.inboxOf(i), (token, payload) => this.receive(Number(token), payload));
    return nats;
  }

  private inboxOf(link: number): string {
    return `_INBOX.${fleetInbox}.polls-${process.pid}-${link}`;
  }

  private async sendAtRate(perSecond: number, start: number): Promise<void> {
    for (;;) {
      const now = performance.now();
      if (now >= this.measuredTo) return;
      const due = Math.floor(((now - start) / 1000) * perSecond);
      while (this.sent < due) this.send(start + ((this.sent + 1) / perSecond) * 1000);
      await pause(tick);
    }
  }

  private send(due: number): void {
    const number = this.sent++;
    this.dueTimes.set(number, due);
    this.ask(number);
  }

  private ask(number: number): void {
    const link = number % this.links.length;
    const { prefix, clients, kind, payload } = this.job;
    const subject = `reachback.v1.${clientId(prefix, scatter(number, clients))}.${kind}`;
    const inbox = `${this.inboxOf(link)}.${number}`;
    this.links[link]?.write(`PUB ${subject} ${inbox} ${payload.length}\r\n${payload}\r\n`);
  }

  private receive(number: number, payload: Buffer): void {
    const due = this.dueTimes.get(number);
    if (due === undefined) return;
    const isError = payload.length === 0 || payload.includes('"error"');
    if (isError && this.job.retries && this.askLater(number, payload)) return;
    this.dueTimes.delete(number);
    const now = performance.now();
    this.lastAnswer = now;
    if (isError) this.fail(payload.toString());
    else if (due >= this.measuredFrom && due < this.measuredTo) this.latencies.push(now - due);
    if (now >= this.measuredFrom && now < this.measuredTo) this.answered++;
    if ('underWay' in this.job.offer && now < this.measuredTo) this.send(now);
  }

  /** Whether the answer said when to ask again. Spread, as agents spread it. */
  private askLater(number: number, payload: Buffer): boolean {
    const [, seconds] = /"retryAfterSeconds":(\d+)/.exec(payload.toString()) ?? [];
    if (seconds === undefined) return false;
    this.refused++;
    setTimeout(() => this.ask(number), Number(seconds) * 1000 * (0.75 + Math.random() / 2));
    return true;
  }

  private fail(reason: string): void {
    this.errors++;
    this.firstError ??= reason;
  }
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
