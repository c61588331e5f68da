import { expect } from '@jest/globals';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, createAdmin } from '../../conformance/admin.js';
import { createClient, type Kind } from '../../conformance/client.js';
import type { Status, WorkReply } from '../../conformance/shapes.js';
import { until } from './conditions.js';
import type { System } from './system.js';

/** The words that the examples of docs/rules.md are written in; the page explains each. */
export type Words = {
  readonly words: Readonly<Record<string, unknown>>;
  /** Ends what the example has set going. */
  readonly end: () => void;
};

/** The administrator of the server that runs now: an example may put another in its place. */
const currentAdmin = (system: System): Admin => {
  const admin = () => createAdmin(system.server.url, system.server.key);
  return {
    get: (path) => admin().get(path),
    send: (method, path, body) => admin().send(method, path, body),
    change: (method, path, body) => admin().change(method, path, body),
  };
};

/** A machine of an example. */
const machine = (system: System, id: string, group: string, ip: string, ended: AbortSignal) => {
  const client = createClient({ nats: system.nats, admin: currentAdmin(system), id, group, ips: [ip], labels: {} });
  const words = (kind: Kind) => (payload?: object) => client.send(kind, payload);
  return {
    id,
    ip,
    ask: client.ask,
    register: words('register'),
    start: words('start'),
    reload: words('reload'),
    poll: words('poll'),
    beat: words('heartbeat'),
    stop: words('stop'),
    uninstall: words('uninstall'),
    update: (trigger: string) => client.send('update', { trigger }),
    logs: (line: string) => client.send('logs', { line }),
    acknowledge: (reply: WorkReply) => client.acknowledge(reply),
    history: client.story,
    queue: () => client.queue(),
    keepBeating: () => {
      const timer = setInterval(() => system.publish(id, 'heartbeat'), 1_000);
      ended.addEventListener('abort', () => clearInterval(timer));
    },
    get heard() {
      return client.notified.map(({ reason }) => reason);
    },
    set answers(value: boolean) {
      client.answering = value;
    },
  };
};
type Machine = ReturnType<typeof machine>;

/** REST by method; a problem that is answered becomes an error with its fields. */
const administrator = (system: System) => {
  const send = (method: string) => async (path: string, body?: unknown) => {
    const answer = await system.rest.send<{ code: string; detail: string; field?: string }>(method, path, body);
    if (answer.status < 300) return answer.body;
    throw Object.assign(new Error(answer.body.detail), answer.body);
  };
  return { get: send('GET'), post: send('POST'), put: send('PUT'), patch: send('PATCH') };
};

/** The words for one example: its machines, its group and its components are its own. */
export const wordsFor = (system: System, rule: string): Words => {
  const group = rule.toLowerCase();
  const admin = administrator(system);
  const example = new AbortController();
  const named = (name: string, ip: string) => machine(system, `${group}-${name}`, group, ip, example.signal);
  let others = 0;
  const words = {
    group,
    engine: `${group}-engine`,
    patterns: `${group}-patterns`,
    client: named('client', '10.1.2.3'),
    direct: named('direct', '172.16.2.3'),
    another: (ip: string) => named(`another-${++others}`, ip),
    admin,
    view: ({ id }: Machine) => admin.get(`/v1/clients/${id}`),
    history: ({ history }: Machine) => history(),
    queue: ({ queue }: Machine) => queue(),
    release: (component: string, version: string, more: object = {}) =>
      admin.post(`/v1/components/${component}/releases`, {
        version,
        url: `https://updates.example/${component}/${version}`,
        sha256: createHash('sha256').update(version).digest('hex'),
        size: 1_048_576,
        target: { groups: [group] },
        ...more,
      }),
    untilStatus: ({ id }: Machine, status: Status) => system.untilStatus(id, status),
    until,
    seconds: (count: number) => sleep(count * 1000),
    broker: { kill: () => system.broker.kill(), start: () => system.broker.start() },
    server: { kill: () => system.server.kill(), start: () => system.restart() },
    expect,
  };
  return { words, end: () => example.abort() };
};
