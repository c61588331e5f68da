import type { Msg } from '@nats-io/transport-node';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AckResult,
  type AckReply,
  isReply,
  notifySchema,
  type RequestKind,
  type SplitRight,
  subjects,
  type UpdateItem,
  type WorkReply,
  workReplySchema,
} from '#contracts';
import { AgentError, answerOf, messageOf } from './agent-error.js';
import type { Link } from './connection.js';
import { connectAgent, type ConnectEvent, type Connected, type ConnectOptions } from './identity/connect-agent.js';
import { keepRenewed, type RenewEvent } from './identity/renew.js';
import { keepSplit } from './identity/split.js';
import type { UpdateHandler } from './download.js';
import type { IdentityStore } from './identity/identity.js';
import { newInstance } from './instance.js';
import { firstRetry, longerPause, longestRetry, longestWait, waitAfter } from './retry.js';
import { nextTime, requestTimeoutOf, type Rhythm, rhythmOf } from './schedule.js';
import { type AgentState, stateAs, type StateStore } from './state.js';

const longestSleep = 5_000;
const goodbyeTimeout = 10_000;
/** Results kept for a server that is away; far more than a client has work, so memory stays bounded all the same. */
const maxResults = 1_000;

/** What an agent tells whoever embeds it. */
export type AgentEvent =
  | { readonly type: 'heartbeat' }
  | ConnectEvent
  | RenewEvent
  | { readonly type: 'answered'; readonly kind: RequestKind; readonly reply: WorkReply }
  /** This machine, a copy of another, is a client of its own from now on. */
  | { readonly type: 'split'; readonly from: string; readonly clientId: string }
  | { readonly type: 'settings-applied'; readonly revision: string }
  | { readonly type: 'update-applied' | 'update-started'; readonly update: UpdateItem }
  | { readonly type: 'failed'; readonly what: string; readonly error: string; readonly retryInSeconds?: number };

export type AgentOptions = ConnectOptions & {
  readonly name?: string;
  readonly group?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ips?: readonly string[];
  readonly agentVersion?: string;
  readonly store: StateStore;
  readonly applySettings: (values: Readonly<Record<string, unknown>>) => Promise<void>;
  readonly applyUpdate: UpdateHandler;
  readonly onEvent?: (event: AgentEvent) => void;
};

/**
 * Speaks for one client: registers (or says that it started), beats at the granted interval, polls, applies what a
 * reply brings, and acknowledges it until the server has accepted that. While the server is away it sends nothing and
 * piles up nothing. If its machine turns out to be a copy of another, it may be told to become a client of its own, and goes on
 * as that one.
 */
export class Agent {
  private readonly stopping = new AbortController();
  /** Aborts when the agent stops, or is to go on as another client. */
  private signal = this.stopping.signal;
  private becoming: { readonly right: SplitRight | undefined; readonly session: AbortController } = newSession();
  private running: Promise<void> | undefined;
  /** The server's time less ours, in milliseconds: our place in the interval is measured on the server's clock. */
  private clockOffset = 0;
  private pollNow = new AbortController();
  private policyChanged = new AbortController();
  /** How many requests it has sent as this instance. */
  private sequence = 0;

  private constructor(
    private readonly options: AgentOptions,
    private connected: Connected,
    private state: AgentState,
    /** None of who speaks beside the agent that runs, and then ends. */
    private instance?: string,
  ) {}

  /** Connects and goes on until {@link Agent.stop}. */
  static async start(options: AgentOptions): Promise<Agent> {
    const state = await options.store.load();
    const connected = await connectAgent(options, (event) => options.onEvent?.(event));
    options.onEvent?.({ type: 'connected' });
    const agent = new Agent(options, connected, stateAs(connected.id, options.id, state), newInstance());
    agent.running = agent.run();
    return agent;
  }

  /** Fetches and does what there is, once, as an update that the user or a schedule started; then ends. */
  static async update(options: AgentOptions, trigger: 'manual' | 'scheduled'): Promise<void> {
    const state = await options.store.load();
    const connected = await connectAgent(options, (event) => {
      if (event.type === 'failed') options.onEvent?.(event);
    });
    const agent = new Agent(options, connected, stateAs(connected.id, options.id, state));
    await agent.fetchWork('update', { trigger }).finally(() => connected.link.close());
  }

  /** Ends without a goodbye: to the server this is silence. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
    await this.link.close();
  }

  /** Says goodbye and ends: offline at once (R7). */
  async leave(reason?: string): Promise<void> {
    const payload = JSON.stringify(reason === undefined ? {} : { reason });
    await this.link.request(subjects.agent(this.id, 'stop'), payload, goodbyeTimeout);
    await this.stop();
  }

  private get link(): Link {
    return this.connected.link;
  }

  /** Whom it speaks for now. */
  private get id(): string {
    return this.connected.id;
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      this.becoming = newSession();
      this.signal = AbortSignal.any([this.stopping.signal, this.becoming.session.signal]);
      await this.speak();
      const { proof } = this.connected;
      const { right } = this.becoming;
      if (proof && right) await this.goOnAs(right, proof.store);
    }
  }

  /** Beats go on whatever work is doing: the broker keeps them also while no server is there to answer a poll. */
  private async speak(): Promise<void> {
    this.answerNotifications();
    await Promise.all([this.beatOn(), this.workOn(), this.renewOn()]);
  }

  /** What it is to become is on disk before it is asked for: after a restart it goes on there. */
  private async goOnAs(right: SplitRight, store: IdentityStore): Promise<void> {
    const { options, id: from } = this;
    const { signal } = this.stopping;
    await keepSplit(store, right);
    await this.link.close();
    for (let pause = firstRetry; !signal.aborted; pause = Math.min(pause * 2, longestRetry)) {
      try {
        this.connected = await connectAgent(options, (event) => options.onEvent?.(event), signal);
        await this.save(stateAs(this.id, options.id, this.state));
        if (this.id !== from) return options.onEvent?.({ type: 'split', from, clientId: this.id });
        // The server said no to what it offers; it is not asked at once again.
        await sleep(longestRetry, undefined, { signal }).catch(() => undefined);
        return;
      } catch (error) {
        if (signal.aborted) return;
        const wait = waitAfter(error, pause);
        const retryInSeconds = wait / 1000;
        options.onEvent?.({
          type: 'failed',
          what: 'becoming a client of its own',
          error: messageOf(error),
          retryInSeconds,
        });
        await sleep(wait, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  private async renewOn(): Promise<void> {
    const { onEvent } = this.options;
    const { link, id, proof } = this.connected;
    if (!proof) return;
    const told = (event: RenewEvent): void => onEvent?.(event);
    await keepRenewed({ id, link, ...proof, now: () => this.serverNow(), signal: this.signal, told });
  }

  /** A direct client is told that there is something for it, and fetches it (R18); or asked whether it is there (R19). */
  private answerNotifications(): void {
    this.link.subscribe(subjects.agent(this.id, 'notify'), (message) => {
      // The server wants an answer. What wants none was led here by somebody else.
      if (!message.reply || isReply(message)) return;
      message.respond('{}');
      if (!isVerification(message)) this.pollNow.abort();
    });
  }

  private async connect(): Promise<void> {
    const { name, group, labels, ips, agentVersion } = this.options;
    if (this.state.registered) {
      try {
        return await this.fetchWork('start', { ips, agentVersion });
      } catch (error) {
        if (!(error instanceof AgentError) || error.code !== 'not_registered') throw error;
      }
    }
    await this.fetchWork('register', { name, group, labels, ips, agentVersion });
  }

  private async beatOn(): Promise<void> {
    while (!this.signal.aborted) {
      this.policyChanged = new AbortController();
      const { heartbeat, place } = this.rhythm();
      const due = heartbeat === undefined ? Infinity : nextTime(this.serverNow(), heartbeat, place);
      const isDue = await this.sleepUntil(due, this.policyChanged.signal);
      // The policy may have changed meanwhile; a beat that is not granted any more is not sent.
      if (isDue && this.link.isUp() && this.rhythm().heartbeat !== undefined) this.beat();
    }
  }

  private async workOn(): Promise<void> {
    await this.persist('connecting', () => this.connect());
    while (!this.signal.aborted) {
      const { poll, place } = this.rhythm();
      const due = poll === undefined ? Infinity : nextTime(this.serverNow(), poll, place);
      const isDue = this.pollNow.signal.aborted || (await this.sleepUntil(due, this.pollNow.signal));
      if (!isDue && !this.pollNow.signal.aborted) continue;
      this.pollNow = new AbortController();
      await this.persist('polling', () => this.fetchWork('poll', { ips: this.options.ips }));
    }
  }

  private rhythm(): Rhythm {
    const { policy } = this.state;
    return policy ? rhythmOf(policy) : { heartbeat: undefined, poll: undefined, place: 0 };
  }

  private beat(): void {
    const { ips } = this.options;
    this.link.nats.publish(subjects.agent(this.id, 'heartbeat'), ips ? JSON.stringify({ ips }) : '');
    this.options.onEvent?.({ type: 'heartbeat' });
  }

  private serverNow(): number {
    return Date.now() + this.clockOffset;
  }

  /**
   * Waits until a time of the server's clock; whether it came. Looks up every few seconds: the policy may change, and
   * a laptop that slept has other ideas of when it is.
   */
  private async sleepUntil(time: number, signal: AbortSignal): Promise<boolean> {
    const wait = Math.min(Math.max(time - this.serverNow(), 0), longestSleep);
    await sleep(wait, undefined, { signal: AbortSignal.any([this.signal, signal]) }).catch(() => undefined);
    return !this.signal.aborted && this.serverNow() >= time;
  }

  /** Tries until it works or the agent stops, each time after a longer pause, or the one the server asked for. */
  private async persist(what: string, attempt: () => Promise<void>): Promise<void> {
    for (let pause = firstRetry; !this.signal.aborted; pause = longerPause(pause, this.rhythm())) {
      try {
        return await attempt();
      } catch (error) {
        if (this.signal.aborted) return;
        if (error instanceof AgentError && error.split && this.connected.proof) return this.become(error.split);
        if (error instanceof AgentError && error.code === 'not_registered' && what !== 'connecting') {
          await this.save({ registered: false });
          return this.persist('connecting', () => this.connect());
        }
        const wait = Math.min(waitAfter(error, pause), longestWait(this.rhythm())) * (0.75 + Math.random() / 2);
        const retryInSeconds = Math.round(wait / 100) / 10;
        this.options.onEvent?.({ type: 'failed', what, error: messageOf(error), retryInSeconds });
        await sleep(wait, undefined, { signal: this.signal }).catch(() => undefined);
      }
    }
  }

  private become(right: SplitRight): void {
    const { session } = this.becoming;
    this.becoming = { right, session };
    session.abort();
  }

  /** One request that may bring work; does the work and acknowledges it. */
  private async fetchWork(kind: RequestKind, payload: object): Promise<void> {
    const { installed, settings } = this.state;
    const report = { installed, settingsRevision: settings?.revision, time: new Date().toISOString() };
    const reply = workReplySchema.parse(await this.request(kind, { ...payload, ...report }));
    if (reply.renewInstance) this.renewInstance();
    this.clockOffset = Date.parse(reply.time) - Date.now();
    await this.save({ registered: true, policy: reply.policy });
    // The first beat, or one that is due sooner than it was, must not wait for the next look at the clock.
    this.policyChanged.abort();
    this.options.onEvent?.({ type: 'answered', kind, reply });
    await this.doWork(reply);
    await this.acknowledge();
    if (reply.more) this.pollNow.abort();
  }

  private async doWork({ settings, updates }: WorkReply): Promise<void> {
    if (settings) {
      const { revision } = settings;
      const result = await this.attempt(`settings ${revision}`, () => this.options.applySettings(settings.values));
      const applied = result.outcome === 'applied' ? { settings } : {};
      await this.addResult({ kind: 'settings', revision, ...result }, applied);
      if (result.outcome === 'applied') this.options.onEvent?.({ type: 'settings-applied', revision });
    }
    for (const update of updates) {
      if (this.signal.aborted) return;
      const { component, version } = update;
      this.options.onEvent?.({ type: 'update-started', update });
      const result = await this.attempt(`${component} ${version}`, () => this.options.applyUpdate(update, this.signal));
      if (this.signal.aborted && result.outcome === 'failed') return;
      const applied =
        result.outcome === 'applied' ? { installed: { ...this.state.installed, [component]: version } } : {};
      await this.addResult({ kind: 'update', component, version, ...result }, applied);
      if (result.outcome === 'applied') this.options.onEvent?.({ type: 'update-applied', update });
    }
  }

  private async attempt(
    what: string,
    work: () => Promise<void>,
  ): Promise<{ outcome: 'applied' | 'failed'; error?: string }> {
    try {
      await work();
      return { outcome: 'applied' };
    } catch (error) {
      this.options.onEvent?.({ type: 'failed', what, error: messageOf(error) });
      return { outcome: 'failed', error: messageOf(error).slice(0, 1000) };
    }
  }

  /** A result is on disk before it is sent: an agent that dies in between sends it when it is back (G6). */
  private addResult(result: AckResult, change: Partial<AgentState>): Promise<void> {
    return this.save({ ...change, results: [...this.state.results, result].slice(-maxResults) });
  }

  private async acknowledge(): Promise<void> {
    const { results } = this.state;
    if (results.length === 0) return;
    await this.request<AckReply>('ack', { results });
    await this.save({ results: this.state.results.slice(results.length) });
  }

  private async request<T>(kind: RequestKind, payload: object): Promise<T> {
    const subject = subjects.agent(this.id, kind);
    const { instance } = this;
    const counted = instance === undefined ? payload : { ...payload, instance, sequence: ++this.sequence };
    const message = await this.link.request(subject, JSON.stringify(counted), requestTimeoutOf(this.rhythm()));
    return answerOf<T>(message);
  }

  /** This machine runs on from a state that another ran on from before. If both go on, they are told apart from now on. */
  private renewInstance(): void {
    if (this.instance === undefined) return;
    this.instance = newInstance();
    this.sequence = 0;
  }

  private async save(change: Partial<AgentState>): Promise<void> {
    this.state = { ...this.state, ...change };
    await this.options.store.save(this.state);
  }
}

const newSession = () => ({ right: undefined, session: new AbortController() });

/** Whatever else the server may want to tell one day, polling finds it out. */
const isVerification = (message: Msg): boolean => {
  try {
    return notifySchema.parse(message.json()).reason === 'verify';
  } catch {
    return false;
  }
};
