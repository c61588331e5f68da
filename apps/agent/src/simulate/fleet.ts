import { setTimeout as sleep } from 'node:timers/promises';
import { type Link, nextTime, requestTimeoutOf, rhythmOf, type Rhythm } from '#agent';
import { type AckResult, type RequestKind, subjects, type WorkReply } from '#contracts';
import { Schedule } from './schedule.js';

/** Requests under way at a time, of all clients together. */
const concurrency = 200;
const lookInterval = 20;

export type FleetOptions = {
  readonly clients: number;
  readonly prefix: string;
  readonly group: string;
  readonly network: string;
};

export type FleetCounts = {
  registered: number;
  heartbeats: number;
  polls: number;
  applied: number;
  errors: number;
  pollMilliseconds: number;
};

/** Many clients in one process: a few numbers each, and the rhythm that many have in common. */
export class Fleet {
  readonly counts: FleetCounts = { registered: 0, heartbeats: 0, polls: 0, applied: 0, errors: 0, pollMilliseconds: 0 };
  private readonly rhythms: (Rhythm | undefined)[] = [];
  private readonly revisions: (string | undefined)[] = [];
  private readonly beats = new Schedule(Date.now());
  private readonly polls = new Schedule(Date.now());
  private waiting: (() => Promise<void>)[] = [];
  private underWay = 0;

  constructor(
    private readonly links: readonly Link[],
    private readonly options: FleetOptions,
    private readonly signal: AbortSignal,
  ) {}

  idOf(client: number): string {
    return `${this.options.prefix}-${client}`;
  }

  /** Registers all clients, many at a time; resolves when all are. */
  async register(): Promise<void> {
    let next = 0;
    const worker = async () => {
      while (next < this.options.clients && !this.signal.aborted) await this.connect(next++);
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
  }

  /** Beats and polls at the granted rhythm until the signal aborts. */
  async run(): Promise<void> {
    while (!this.signal.aborted) {
      const now = Date.now();
      for (const client of this.beats.due(now)) this.beat(client);
      for (const client of this.polls.due(now)) this.enqueue(() => this.poll(client));
      await sleep(lookInterval, undefined, { signal: this.signal }).catch(() => undefined);
    }
  }

  private linkOf(client: number): Link {
    const link = this.links[client % this.links.length];
    if (!link) throw new Error('A fleet has at least one connection.');
    return link;
  }

  private async connect(client: number): Promise<void> {
    const { group, network } = this.options;
    const ips = [`${network}.${(client >>> 8) & 255}.${client & 255}`];
    const payload = { group, ips, agentVersion: 'simulated', installed: {} };
    for (let pause = 500; !this.signal.aborted; pause = Math.min(pause * 2, 10_000)) {
      try {
        const reply = await this.request<WorkReply>(client, 'register', payload);
        this.rhythms[client] = rhythmOf(reply.policy);
        this.counts.registered++;
        this.hang(client);
        // What could not be acknowledged comes again with a poll.
        await this.apply(client, reply).catch(() => this.counts.errors++);
        return;
      } catch {
        this.counts.errors++;
        await sleep(pause * (0.5 + Math.random()), undefined, { signal: this.signal }).catch(() => undefined);
      }
    }
  }

  private hang(client: number): void {
    const rhythm = this.rhythms[client];
    if (rhythm?.heartbeat) this.beats.add(client, nextTime(Date.now(), rhythm.heartbeat, rhythm.place));
    if (rhythm?.poll) this.polls.add(client, nextTime(Date.now(), rhythm.poll, rhythm.place));
  }

  private beat(client: number): void {
    const { heartbeat, place } = this.rhythms[client] ?? {};
    if (heartbeat === undefined || place === undefined) return;
    const link = this.linkOf(client);
    if (link.isUp()) {
      link.nats.publish(subjects.agent(this.idOf(client), 'heartbeat'));
      this.counts.heartbeats++;
    }
    this.beats.add(client, nextTime(Date.now(), heartbeat, place));
  }

  private async poll(client: number): Promise<void> {
    const before = this.rhythms[client];
    const start = performance.now();
    try {
      if (this.linkOf(client).isUp()) {
        const reply = await this.request<WorkReply>(client, 'poll', { settingsRevision: this.revisions[client] });
        this.counts.polls++;
        this.counts.pollMilliseconds += performance.now() - start;
        this.rhythms[client] = rhythmOf(reply.policy);
        await this.apply(client, reply);
      }
    } catch {
      this.counts.errors++;
    }
    const after = this.rhythms[client];
    if (after?.poll) this.polls.add(client, nextTime(Date.now(), after.poll, after.place));
    if (after?.heartbeat && !before?.heartbeat)
      this.beats.add(client, nextTime(Date.now(), after.heartbeat, after.place));
  }

  /** Applies what a reply brings, which takes no time here, and acknowledges it. */
  private async apply(client: number, reply: WorkReply): Promise<void> {
    const results: AckResult[] = reply.updates.map(({ component, version }) => ({
      kind: 'update',
      component,
      version,
      outcome: 'applied',
    }));
    if (reply.settings) {
      this.revisions[client] = reply.settings.revision;
      results.push({ kind: 'settings', revision: reply.settings.revision, outcome: 'applied' });
    }
    if (results.length === 0) return;
    await this.request(client, 'ack', { results });
    this.counts.applied += results.length;
  }

  private async request<T>(client: number, kind: RequestKind, payload: object): Promise<T> {
    const subject = subjects.agent(this.idOf(client), kind);
    const timeout = requestTimeoutOf(this.rhythms[client] ?? { poll: undefined });
    const message = await this.linkOf(client).request(subject, JSON.stringify(payload), timeout);
    if (message.headers?.hasError || message.headers?.get('Nats-Service-Error-Code')) throw new Error(message.string());
    return message.json<T>();
  }

  private enqueue(task: () => Promise<void>): void {
    this.waiting.push(task);
    this.drain();
  }

  private drain(): void {
    while (this.underWay < concurrency && this.waiting.length > 0) {
      const task = this.waiting.shift();
      if (!task) return;
      this.underWay++;
      void task().finally(() => {
        this.underWay--;
        this.drain();
      });
    }
  }
}
