import { clientId } from '../fleet/names.js';
import { RawNats } from '../load/raw-nats.js';
import type { AgentsOffer, AgentsOrder, AgentsReport } from './agents-protocol.js';

const tick = 4;
/** How long the last answers are waited for, in milliseconds. */
const patience = 30_000;

type Agent = { readonly id: string; readonly nats: RawNats };

/** Agents with a connection each, on which each beats and polls for itself. */
export class ConnectedAgents {
  private readonly agents: Agent[] = [];
  private readonly dueTimes = new Map<number, number>();
  private readonly errors = new Set<string>();
  private took: number[] = [];
  private refused = 0;
  private sent = 0;
  private polled = 0;
  private underWay: { readonly until: number } | undefined;
  private timer: NodeJS.Timeout | undefined;

  async connect({ broker, prefix, count, credentials }: Extract<AgentsOrder, { type: 'connect' }>): Promise<void> {
    for (let i = 0; i < count; i++) {
      const id = clientId(prefix, i);
      const began = performance.now();
      const reach = { ...broker, credentials: credentials[i] };
      const nats = await RawNats.connect(reach, (reason) => this.errors.add(`${id}: ${reason}`));
      this.took.push(performance.now() - began);
      nats.subscribe(`_INBOX.${id}`, (number, payload) => this.receive(Number(number), payload));
      this.agents.push({ id, nats });
    }
  }

  setRate(perSecond: number): void {
    clearInterval(this.timer);
    const [start, before] = [performance.now(), this.sent];
    this.timer = setInterval(() => {
      const due = before + Math.floor(((performance.now() - start) / 1000) * perSecond);
      for (; this.sent < due; this.sent++) {
        const { id, nats } = this.agentAt(this.sent);
        nats.write(`PUB reachback.v1.${id}.heartbeat 0\r\n\r\n`);
      }
    }, tick);
  }

  async poll(offer: AgentsOffer, seconds: number): Promise<void> {
    this.took = [];
    this.refused = 0;
    const start = performance.now();
    const end = start + seconds * 1000;
    if ('underWay' in offer) {
      this.underWay = { until: end };
      for (let i = 0; i < offer.underWay; i++) this.ask(start);
      await pause(seconds * 1000);
    } else {
      for (let asked = 0; performance.now() < end; await pause(1)) {
        const due = Math.floor(((performance.now() - start) / 1000) * offer.perSecond);
        for (; asked < due; asked++) this.ask(start + ((asked + 1) / offer.perSecond) * 1000);
      }
    }
    this.underWay = undefined;
    const until = performance.now() + patience;
    while (this.dueTimes.size > 0 && performance.now() < until) await pause(5);
    if (this.dueTimes.size > 0) this.errors.add(`${this.dueTimes.size} polls without an answer`);
  }

  report(): AgentsReport {
    return { sent: this.sent, took: this.took, refused: this.refused, errors: [...this.errors] };
  }

  private agentAt(turn: number): Agent {
    const agent = this.agents[turn % this.agents.length];
    if (!agent) throw new Error('Nobody is connected.');
    return agent;
  }

  private ask(due: number): void {
    const number = this.polled++;
    this.dueTimes.set(number, due);
    const { id, nats } = this.agentAt(number);
    nats.write(`PUB reachback.v1.${id}.poll _INBOX.${id}.${number} 2\r\n{}\r\n`);
  }

  private receive(number: number, payload: Buffer): void {
    const due = this.dueTimes.get(number);
    if (due === undefined) return;
    this.dueTimes.delete(number);
    const now = performance.now();
    if (payload.includes('"retryAfterSeconds"')) this.refused++;
    else if (payload.length === 0 || payload.includes('"error"'))
      this.errors.add(payload.toString() || 'no responders');
    else this.took.push(now - due);
    if (this.underWay && now < this.underWay.until) this.ask(now);
  }
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
