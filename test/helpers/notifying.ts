import { connect, type NatsConnection } from '@nats-io/transport-node';
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { createLanes, type FactData, type NewFact } from '#contracts';
import { createTestDatabase, startTestNats, type TestServer } from '#embedded';
import { appendFacts, type Database, openDatabase, transact } from '#event-log';
import { startNotifier } from '#notifier';
import { inlineProjections } from '#projections';
import { until } from './conditions.js';

const lanes = createLanes(1);
const meta = { actor: 'system' };
const log = pino({ level: 'silent' });
const observer = { asked: () => undefined, settled: () => undefined };
/** Shorter than in earnest, so that what is retried, and what a killed server leaves, comes soon. */
const times = { retryInterval: 200, answerTimeout: 400, lookInterval: 100, lease: 1_000 };

type Level = FactData['settings-changed']['level'];
type Heard = { readonly id: string; readonly reason: string; readonly at: number };

/** Direct clients that listen, a broker, and a database of facts whose notifiers are the test's to start and to kill. */
export class Notifying {
  /** Who was asked, in order; and who does not answer. */
  readonly heard: Heard[] = [];
  silent: ReadonlySet<string> = new Set();
  private stops: (() => Promise<void>)[] = [];
  private ordinals = 0;

  private constructor(
    readonly broker: TestServer,
    private readonly clients: NatsConnection,
    private readonly database: Awaited<ReturnType<typeof createTestDatabase>>,
    readonly db: Database,
  ) {
    clients.subscribe('reachback.v1.*.notify', {
      callback: (_, message) => {
        const id = message.subject.split('.')[2] ?? '';
        this.heard.push({ id, reason: message.json<{ reason: string }>().reason, at: Date.now() });
        if (!this.silent.has(id)) message.respond('{}');
      },
    });
  }

  static async start(): Promise<Notifying> {
    const [broker, database] = await Promise.all([startTestNats(), createTestDatabase()]);
    const clients = await connect({ servers: broker.url, reconnectTimeWait: 100, maxReconnectAttempts: -1 });
    const db = openDatabase({ url: database.url });
    const notifying = new Notifying(broker, clients, database, db);
    await clients.flush();
    return notifying;
  }

  async stop(): Promise<void> {
    for (const stop of this.stops.reverse()) await stop();
    await this.db.end();
    await this.clients.close();
    await Promise.all([this.broker.stop(), this.database.drop()]);
  }

  /** A server's notifier with connections of its own; what it returns ends it as a kill would: nothing is put in order. */
  async startNotifier(answerTimeout = times.answerTimeout, lease = times.lease): Promise<() => Promise<void>> {
    const nats = await connect({ servers: this.broker.url, reconnectTimeWait: 100, maxReconnectAttempts: -1 });
    const own = openDatabase({ url: this.database.url });
    const notifier = startNotifier({ db: own, nats, lanes, log, observer, times: { ...times, answerTimeout, lease } });
    const stop = async () => {
      await notifier.stop();
      await nats.close();
      await own.end();
    };
    this.stops.push(stop);
    return async () => {
      this.stops = this.stops.filter((other) => other !== stop);
      await own.end({ timeout: 0 });
      await nats.close();
      await notifier.stop();
    };
  }

  readonly append = (...facts: readonly NewFact[]) =>
    transact(this.db, (tx) => appendFacts(tx, lanes.of, facts, inlineProjections));

  register(ids: readonly string[], network: 'direct' | 'unreachable' = 'direct', group = '') {
    const facts = ids.flatMap((client): NewFact[] => {
      const registered = { name: null, group, labels: {}, ips: ['192.168.0.1'], agentVersion: null, installed: {} };
      const networkName = network === 'direct' ? null : 'nat';
      const status = network === 'direct' ? 'Online' : 'Unreachable/Online';
      const at = new Date().toISOString();
      return [
        { type: 'client-registered', client, meta, data: { ...registered, ordinal: this.ordinals++ } },
        {
          type: 'client-status-changed',
          client,
          meta,
          data: { at, status, cause: 'registered', network, networkName },
        },
      ];
    });
    return this.append(...facts);
  }

  change(level: Level = { scope: 'fleet' }) {
    const client = level.scope === 'client' ? level.id : null;
    return this.append({
      type: 'settings-changed',
      client,
      meta,
      data: { level, patch: {}, values: { at: randomUUID() } },
    });
  }

  /** @returns the id of the release */
  async publish(target: FactData['release-published']['target'], over?: string): Promise<string> {
    const rollout = over === undefined ? null : { over };
    const file = {
      url: 'https://updates.example/x',
      sha256: 'a'.repeat(64),
      size: 1,
      deliverBy: null,
      rollout,
      within: null,
    };
    const data = { id: randomUUID(), component: 'scan-engine', version: randomUUID(), ...file, target };
    await this.append({ type: 'release-published', client: null, meta, data });
    return data.id;
  }

  pause(id: string) {
    return this.append({ type: 'release-paused', client: null, meta, data: { id } });
  }
  resume(id: string) {
    return this.append({ type: 'release-resumed', client: null, meta, data: { id } });
  }
  withdraw(id: string) {
    return this.append({ type: 'release-withdrawn', client: null, meta, data: { id } });
  }

  edit(client: string, data: FactData['client-edited']) {
    return this.append({ type: 'client-edited', client, meta, data });
  }

  removeGroup(path: string, moveClientsTo: string | null) {
    return this.append({ type: 'group-removed', client: null, meta, data: { path, moveClientsTo } });
  }

  /** The client has fetched and applied what it should have today, of this kind. */
  async confirm(client: string, kind: 'settings' | 'update' = 'settings') {
    const rows = await this.db<{ kind: typeof kind; key: string; revision: string; release: string | null }[]>`
      SELECT kind, key, revision, release FROM undelivered_work WHERE client_id = ${client} AND kind = ${kind}`;
    const items = rows.map((item) => ({ ...item, outcome: 'applied' as const, error: null, via: 'ack' as const }));
    await this.append({ type: 'work-settled', client, meta, data: { items } });
  }

  /** Who was told, and what, since this was asked last; sorted. */
  takeHeard(): readonly string[] {
    return this.heard
      .splice(0)
      .map(({ id, reason }) => `${id} ${reason}`)
      .sort();
  }

  countOf(id: string): number {
    return this.heard.filter((one) => one.id === id).length;
  }

  /** Until nobody is to be told any more of what has happened so far: asked in one statement, of one moment. */
  untilQuiet(): Promise<unknown> {
    return until(async () => {
      const [quiet] = await this.db`
        SELECT FROM log_head h JOIN projection_checkpoint c ON c.name = 'notifications' AND c.position = h.position
        WHERE NOT EXISTS (SELECT FROM notification_round) AND NOT EXISTS (SELECT FROM notification_due)`;
      return quiet;
    });
  }
}

export const named = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}-${String(i).padStart(5, '0')}`);
