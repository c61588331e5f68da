import { createHash, randomBytes } from 'node:crypto';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Admin } from './admin.js';
import { type ClientOptions, createClient, type TestClient } from './client.js';
import { keepNetworks, type OwnNetworks } from './networks.js';
import { policies, type PolicyName } from './policies.js';
import type { Release } from './shapes.js';

export type NetworkClass = 'direct' | 'unreachable';

export type NewClient = {
  /** `unreachable` by default. */
  readonly network?: NetworkClass;
  /** The policy of the group it registers in; `patient` by default. */
  readonly policy?: PolicyName;
  /** Another group than the policy's. */
  readonly group?: string;
  readonly ips?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
};

export type ReleaseBody = {
  readonly target: object;
  readonly version: string;
  readonly deliverBy?: string;
  readonly rollout?: object;
};

/** Everything that a run adds to a server, under names of its own; {@link World.cleanUp} takes it away again. */
export type World = {
  readonly admin: Admin;
  readonly nats: NatsConnection;
  readonly prefix: string;
  readonly networks: OwnNetworks;
  /** A client that has not registered yet. */
  readonly stranger: (given?: NewClient) => Promise<TestClient>;
  /** A client that has. */
  readonly client: (given?: NewClient) => Promise<TestClient>;
  /** The group whose level sets a policy whole. */
  readonly groupOf: (policy: PolicyName) => Promise<string>;
  /** A group of a case's own, below none. */
  readonly group: () => string;
  readonly setGroup: (path: string, patch: object) => Promise<{ readonly warnings: readonly string[] }>;
  readonly component: () => string;
  readonly publish: (component: string, body: ReleaseBody) => Promise<Release>;
  readonly cleanUp: () => Promise<readonly string[]>;
};

const cleanUpConcurrency = 16;

export const createWorld = async (admin: Admin, nats: NatsConnection): Promise<World> => {
  const prefix = `conf-${randomBytes(3).toString('hex')}`;
  const networks = await keepNetworks(admin, prefix);
  await networks.set('nat', [`198.18.${networks.octet}.0/24`]);
  const clients = new Map<string, TestClient>();
  const groups = new Set<string>();
  const releases = new Set<string>();
  const policyGroups = new Map<PolicyName, Promise<string>>();
  let counter = 0;
  let ended = false;
  const assertRunning = () => {
    if (ended) throw new Error('The run has ended.');
  };
  const levelOf = (path: string) => `/v1/groups/${encodeURIComponent(path)}/settings`;

  const world: World = {
    admin,
    nats,
    prefix,
    networks,
    stranger: async ({ network = 'unreachable', policy = 'patient', group, ips, labels = {} } = {}) => {
      assertRunning();
      const number = ++counter;
      const options: ClientOptions = {
        nats,
        admin,
        id: `${prefix}-${number}`,
        group: group ?? (await world.groupOf(policy)),
        ips: ips ?? (network === 'direct' ? [] : [`198.18.${networks.octet}.${(number % 254) + 1}`]),
        labels,
      };
      groups.add(options.group);
      const client = createClient(options);
      clients.set(client.id, client);
      return client;
    },
    client: async (given) => {
      const client = await world.stranger(given);
      await client.register();
      return client;
    },
    groupOf: (policy) => {
      const known = policyGroups.get(policy);
      if (known) return known;
      const path = `${prefix}/${policy}`;
      const made = world.setGroup(path, { reachback: policies[policy] }).then(() => path);
      policyGroups.set(policy, made);
      return made;
    },
    group: () => `${prefix}/g${++counter}`,
    setGroup: async (path, patch) => {
      assertRunning();
      groups.add(path);
      return admin.change('PATCH', levelOf(path), patch);
    },
    component: () => `${prefix}-c${++counter}`,
    publish: async (component, body) => {
      assertRunning();
      const release = await admin.change<Release>('POST', `/v1/components/${component}/releases`, {
        url: `https://updates.example/${component}/${body.version}`,
        sha256: createHash('sha256').update(component).update(body.version).digest('hex'),
        size: 1_048_576,
        ...body,
      });
      releases.add(release.id);
      return release;
    },
    cleanUp: async () => {
      ended = true;
      const problems: string[] = [];
      const attempt = async (what: string, undo: () => Promise<unknown>) => {
        await undo().catch((error: unknown) => problems.push(`${what}: ${String(error)}`));
      };
      const removeClients = () =>
        inTurns([...clients.keys()], (id) => attempt(id, () => remove(admin, `/v1/clients/${id}`)));
      await removeClients();
      await inTurns([...releases], (id) => attempt(id, () => withdraw(admin, id)));
      const deepestFirst = [...groups].sort((a, b) => b.length - a.length);
      for (const path of deepestFirst) await attempt(path, () => empty(admin, levelOf(path)));
      for (const path of [...deepestFirst, prefix]) {
        await attempt(path, () => remove(admin, `/v1/groups/${encodeURIComponent(path)}`));
      }
      await attempt('networks', networks.restore);
      // A registration that was under way at the first time is there by now.
      await removeClients();
      return problems;
    },
  };
  return world;
};

const inTurns = async <T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> => {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: cleanUpConcurrency }, worker));
};

/** What is gone already need not be removed. */
const remove = async (admin: Admin, path: string): Promise<void> => {
  const { status, body } = await admin.send('DELETE', path);
  if (status >= 300 && status !== 404) throw new Error(`DELETE ${path} answered ${status}: ${JSON.stringify(body)}`);
};

const withdraw = async (admin: Admin, id: string): Promise<void> => {
  const { status, body } = await admin.send('POST', `/v1/releases/${id}/withdraw`);
  if (status >= 300 && status !== 404 && status !== 409)
    throw new Error(`its release could not be withdrawn: ${status} ${JSON.stringify(body)}`);
};

const empty = async (admin: Admin, path: string): Promise<void> => {
  const { values } = await admin.get<{ values: object }>(path);
  const nothing = Object.fromEntries(Object.keys(values).map((key) => [key, null]));
  if (Object.keys(nothing).length > 0) await admin.change('PATCH', path, nothing);
};
