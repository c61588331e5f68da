import { setTimeout as sleep } from 'node:timers/promises';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import type { Admin } from './admin.js';
import { describe } from './checks.js';
import type { ClientView, ListOf, LoggedEvent, QueueItem, Status, Transition, WorkReply } from './shapes.js';
import { type Patience, until } from './until.js';

export type Kind =
  'register' | 'start' | 'reload' | 'poll' | 'update' | 'ack' | 'heartbeat' | 'logs' | 'stop' | 'uninstall';

export type NotifyReason = 'settings' | 'update' | 'verify';

/** A client of the suite: speaks NATS as an agent, and sees over REST what the server makes of it. */
export type TestClient = {
  readonly id: string;
  /** The address it registers with; a client without one is direct. */
  readonly ips: readonly string[];
  /** What the server has sent it of its own accord, by arrival. */
  readonly notified: readonly { readonly reason: NotifyReason; readonly at: number }[];
  /** Whether it answers the server's notifications; it does until told otherwise. */
  answering: boolean;
  /** Sends and returns the reply, an error too; of a beat or another published contact, the receipt. */
  readonly ask: (kind: Kind, payload?: object, messageId?: string) => Promise<WorkReply>;
  /** Sends, fails on an error, and waits until the server shows the contact; the reply. */
  readonly send: (kind: Kind, payload?: object) => Promise<WorkReply>;
  /** Registers with its address and group, and waits until the server shows it. */
  readonly register: (payload?: object) => Promise<WorkReply>;
  /** Acknowledges all that a reply carries, with this outcome. */
  readonly acknowledge: (reply: WorkReply, outcome?: 'applied' | 'failed') => Promise<void>;
  /** Polls and acknowledges until nothing is left. */
  readonly settle: () => Promise<void>;
  readonly view: () => Promise<ClientView>;
  readonly untilView: (what: string, isMet: (view: ClientView) => boolean, patience?: Patience) => Promise<ClientView>;
  readonly untilStatus: (status: Status, patience?: Patience) => Promise<ClientView>;
  readonly isListed: () => Promise<boolean>;
  /** Oldest first. */
  readonly history: () => Promise<readonly Transition[]>;
  /** The history as lines such as `Unreachable/Offline silence`, oldest first. */
  readonly story: () => Promise<readonly string[]>;
  readonly queue: (all?: boolean) => Promise<readonly QueueItem[]>;
  /** Its part of the log, newest first. */
  readonly events: () => Promise<readonly LoggedEvent[]>;
  /** Changes the client's own level of settings. */
  readonly set: (patch: object) => Promise<void>;
};

export type ClientOptions = {
  readonly nats: NatsConnection;
  readonly admin: Admin;
  readonly id: string;
  readonly group: string;
  readonly ips: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
};

const requestTimeout = 30_000;
/**
 * The server shows a contact as soon as it knows of it, and what it led to once that is stored: a moment later, in
 * milliseconds. Whoever checks that a contact led to nothing has to wait for that.
 */
const storing = 250;

export const createClient = (options: ClientOptions): TestClient => {
  const { nats, admin, id, group, ips, labels } = options;
  const notified: { reason: NotifyReason; at: number }[] = [];
  const path = `/v1/clients/${id}`;
  const items = async <T>(below: string) => (await admin.get<ListOf<T>>(`${path}/${below}`)).items;

  const ask = async (kind: Kind, payload: object = {}, messageId?: string): Promise<WorkReply> => {
    const h = headers();
    if (messageId !== undefined) h.set('Nats-Msg-Id', messageId);
    const body = JSON.stringify(payload);
    const message = await nats.request(`reachback.v1.${id}.${kind}`, body, { timeout: requestTimeout, headers: h });
    return message.json<WorkReply>();
  };
  const demand = async (kind: Kind, payload?: object): Promise<WorkReply> => {
    const reply = await ask(kind, payload);
    if (reply.error) throw new Error(`${kind} of ${id} was answered ${describe(reply.error)}`);
    return reply;
  };
  const client: TestClient = {
    id,
    ips,
    notified,
    answering: true,
    ask,
    send: async (kind, payload) => {
      if (kind === 'register') return client.register(payload);
      const before = await client.view();
      const reply = await demand(kind, payload);
      if (kind === 'uninstall') await until(`${id} is off the list`, async () => !(await client.isListed()), Boolean);
      else await client.untilView(`the server shows the ${kind}`, (v) => v.lastContactAt !== before.lastContactAt);
      await sleep(storing);
      return reply;
    },
    register: async (payload = {}) => {
      const reply = await demand('register', { group, ips, labels, ...payload });
      await until(`${id} is on the list`, client.isListed, Boolean);
      return reply;
    },
    acknowledge: async ({ settings, updates }, outcome = 'applied') => {
      const results = [
        ...(settings ? [{ kind: 'settings', revision: settings.revision, outcome }] : []),
        ...updates.map(({ component, version }) => ({ kind: 'update', component, version, outcome })),
      ];
      if (results.length > 0) await client.send('ack', { results });
    },
    settle: async () => {
      for (let more = true; more;) {
        const reply = await client.send('poll');
        await client.acknowledge(reply);
        more = reply.more;
      }
    },
    view: () => admin.get<ClientView>(path),
    untilView: (what, isMet, patience) => until(`${id}: ${what}`, client.view, isMet, patience),
    untilStatus: (status, patience) =>
      client.untilView(`becomes ${status}`, (view) => view.status === status, patience),
    isListed: async () => (await admin.send('GET', path)).status === 200,
    history: async () => [...(await items<Transition>('history'))].reverse(),
    story: async () => (await client.history()).map(({ status, cause }) => `${status} ${cause}`),
    queue: (all = false) => items<QueueItem>(`queue${all ? '?all=true' : ''}`),
    events: () => items<LoggedEvent>('events?limit=1000'),
    set: async (patch) => void (await admin.change('PATCH', `${path}/settings`, patch)),
  };
  nats.subscribe(`reachback.v1.${id}.notify`, {
    callback: (error, message) => {
      if (error) return;
      notified.push({ reason: message.json<{ reason: NotifyReason }>().reason, at: performance.now() });
      if (client.answering) message.respond('{}');
    },
  });
  return client;
};
