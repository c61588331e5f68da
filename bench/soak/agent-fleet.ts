import { writeFile } from 'node:fs/promises';
import type { AckReply, ErrorReply, WorkReply } from '#contracts';
import { fleetInbox } from '#identity';
import { clientId } from '../fleet/names.js';
import { RawNats } from '../load/raw-nats.js';
import type { Reach } from '../load/reach.js';
import { SimulatedAgent } from './agent.js';
import type { AgentsJob, AgentsReport } from './agents-protocol.js';
import { IdleAgents } from './idle-agents.js';

const tick = 2;
/** In milliseconds. As the agent library does: longer each time, or as long as the answer says, and spread. */
const answerTimeout = 10_000;
const firstPause = 1_000;
const longestPause = 60_000;
/** Errors after which an agent tries again. */
const passing: ReadonlySet<string> = new Set(['unavailable', 'internal']);

type Request = {
  readonly client: number;
  readonly kind: 'poll' | 'ack';
  readonly payload: string;
  /** Stays the same when it is sent again, so that it counts once (G7). */
  readonly id: string;
  readonly due: number;
  /** Results that an acknowledgement carries. */
  readonly results: number;
  /** How long it waits before it is sent again, unless the answer says it. */
  readonly pause: number;
};
type Answer = Partial<WorkReply & AckReply & ErrorReply>;

/** Agents that poll in turn at a rate, one request at a time each, apply what they get, acknowledge it, and insist on an answer. */
export class AgentFleet {
  private readonly agents: readonly SimulatedAgent[];
  private links: readonly RawNats[] = [];
  /** In the order of sending. */
  private readonly underWay = new Map<number, { readonly request: Request; readonly sentAt: number }>();
  private latencies: number[] = [];
  private readonly counts = { polls: 0, answered: 0, acknowledged: 0, repeated: 0 };
  private readonly errors = new Set<string>();
  private rate = 0;
  private due = 0;
  private lastTick = performance.now();
  /** Agents in the order in which they poll; a busy one is not among them. */
  private readonly idle: IdleAgents;
  private sendings = 0;

  constructor(private readonly job: AgentsJob) {
    this.agents = Array.from({ length: job.clients }, () => new SimulatedAgent());
    this.idle = new IdleAgents(job.clients);
  }

  async start(): Promise<void> {
    const { broker, connections } = this.job;
    this.links = await Promise.all(Array.from({ length: connections }, (_, i) => this.openLink(broker, i)));
    setInterval(() => this.tick(), tick);
  }

  setRate(perSecond: number): void {
    this.rate = perSecond;
    this.due = 0;
  }

  report(): AgentsReport {
    const { counts, open, latencies, errors } = this;
    this.latencies = [];
    return { ...counts, open, latencies, errors: [...errors] };
  }

  /** Requests that wait for an answer, or to be sent again: one of each agent that is busy. */
  private get open(): number {
    return this.job.clients - this.idle.size;
  }

  async save(file: string): Promise<void> {
    await writeFile(file, JSON.stringify(this.agents));
  }

  private async openLink(broker: Reach, i: number): Promise<RawNats> {
    const nats = await RawNats.connect(broker, (reason) => this.errors.add(reason));
    nats.subscribe(this.inboxOf(i), (token, payload) => this.receive(Number(token), payload));
    return nats;
  }

  private inboxOf(link: number): string {
    return `_INBOX.${fleetInbox}.soak-${process.pid}-${link}`;
  }

  private tick(): void {
    const now = performance.now();
    this.due += ((now - this.lastTick) / 1000) * this.rate;
    this.lastTick = now;
    for (const [number, { request, sentAt }] of this.underWay) {
      if (now - sentAt < answerTimeout) break;
      this.underWay.delete(number);
      this.repeat(request);
    }
    for (; this.due >= 1; this.due--) this.beginPoll(now);
  }

  /** Who has been idle longest polls; nobody, where all wait for an answer. */
  private beginPoll(now: number): void {
    const client = this.idle.take();
    if (client === undefined) return;
    this.counts.polls++;
    this.poll(client, now);
  }

  private poll(client: number, due: number): void {
    const payload = this.agents[client]?.report() ?? '';
    this.begin({ client, kind: 'poll', payload, due, results: 0 });
  }

  private begin(request: Omit<Request, 'id' | 'pause'>): void {
    this.send({ ...request, id: `${process.pid}-${this.sendings}`, pause: firstPause });
  }

  private send(request: Request): void {
    const number = this.sendings++;
    const { client, kind, payload, id } = request;
    const agent = this.agents[client];
    if (agent && kind === 'poll') agent.sent++;
    this.underWay.set(number, { request, sentAt: performance.now() });
    const link = number % this.links.length;
    const headers = `NATS/1.0\r\nNats-Msg-Id: ${id}\r\n\r\n`;
    const subject = `reachback.v1.${clientId(this.job.prefix, client)}.${kind}`;
    const lengths = `${headers.length} ${headers.length + Buffer.byteLength(payload)}`;
    this.links[link]?.write(`HPUB ${subject} ${this.inboxOf(link)}.${number} ${lengths}\r\n${headers}${payload}\r\n`);
  }

  private repeat(request: Request, asked?: number): void {
    this.counts.repeated++;
    const wait = (asked === undefined ? request.pause : asked * 1000) * (0.75 + Math.random() / 2);
    setTimeout(() => this.send({ ...request, pause: Math.min(request.pause * 2, longestPause) }), wait);
  }

  private receive(number: number, data: Buffer): void {
    const sending = this.underWay.get(number);
    if (!sending) return;
    this.underWay.delete(number);
    const { request } = sending;
    const body = bodyOf(data);
    if (body === '') return this.repeat(request);
    const answer = JSON.parse(body) as Answer;
    const { error } = answer;
    if (error && passing.has(error.code)) return this.repeat(request, error.retryAfterSeconds);
    const agent = this.agents[request.client];
    if (!agent || error) {
      this.errors.add(`${request.kind}: ${body}`);
      this.idle.add(request.client);
    } else if (request.kind === 'poll') this.answered(request, agent, answer as WorkReply);
    else this.acknowledged(request, answer as AckReply);
  }

  private answered({ client, due }: Request, agent: SimulatedAgent, reply: WorkReply): void {
    const now = performance.now();
    this.counts.answered++;
    agent.answered++;
    this.latencies.push(Math.round(now - due));
    const results = agent.apply(reply);
    if (results.length > 0) {
      const payload = JSON.stringify({ results });
      this.begin({ client, kind: 'ack', payload, due: now, results: results.length });
    } else this.idle.add(client);
  }

  private acknowledged({ client, results }: Request, { accepted }: AckReply): void {
    this.counts.acknowledged++;
    if (accepted !== results) this.errors.add(`ack: ${accepted} of ${results} results were accepted`);
    this.idle.add(client);
  }
}

/** Without headers; empty where there is nobody to answer. */
const bodyOf = (data: Buffer): string => {
  const text = data.toString();
  return text.startsWith('NATS/1.0') ? text.slice(text.indexOf('\r\n\r\n') + 4) : text;
};
