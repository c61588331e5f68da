import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import type { NewFact, ReleaseTarget } from '#contracts';
import { appendFacts, type Database, transact, type Transaction } from '#event-log';
import { openTestDatabase, type TestDatabase } from '../../../../test/helpers/database.js';
import { inlineProjections } from './index.js';

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await openTestDatabase();
  db = database.db;
});
afterAll(() => database.close());

type Client = { readonly id: string; readonly group: string; readonly labels: Readonly<Record<string, string>> };
const clients: readonly Client[] = [
  { id: 'a', group: '', labels: {} },
  { id: 'b', group: 'paris', labels: { os: 'linux' } },
  { id: 'c', group: 'paris/desktops', labels: { os: 'windows' } },
  { id: 'd', group: 'parisian', labels: { os: 'linux', site: '1' } },
];
const ids = clients.map(({ id }) => id);

type Publication = {
  readonly type: 'publish';
  readonly component: string;
  readonly target: ReleaseTarget;
  readonly isLate: boolean;
};
/** `release` says which of those published. */
type Change = { readonly type: 'withdraw' | 'pause' | 'resume'; readonly release: number };
type Happening = { readonly type: 'deliver' | 'apply' | 'fail'; readonly release: number; readonly client: string };
type Step = Publication | Change | Happening;

type Some = Exclude<ReleaseTarget, { all: true }>;
const target: fc.Arbitrary<ReleaseTarget> = fc.oneof(
  fc.constant({ all: true } as const),
  fc.record({ clients: fc.uniqueArray(fc.constantFrom(...ids), { minLength: 1 }) }),
  fc.record<Some>({
    groups: fc.uniqueArray(fc.constantFrom('', 'paris', 'paris/desktops'), { minLength: 1 }),
    clients: fc.constant(['a']),
  }),
  fc.record<Some>({
    groups: fc.constant(['paris']),
    labels: fc.constantFrom<Client['labels'][]>({ os: 'linux' }, { os: 'linux', site: '1' }),
  }),
  fc.record<Some>({ labels: fc.constant({ os: 'linux' }) }),
);
const release = fc.nat(20);
const publication = fc.record<Publication>({
  type: fc.constant('publish'),
  component: fc.constantFrom('x', 'y'),
  target,
  isLate: fc.boolean(),
});
const change = fc.record<Change>({ type: fc.constantFrom('withdraw', 'pause', 'resume'), release });
const happening = fc.record<Happening>({
  type: fc.constantFrom('deliver', 'apply', 'fail'),
  release,
  client: fc.constantFrom(...ids),
});
const step: fc.Arbitrary<Step> = fc.oneof(publication, change, happening);

type Published = {
  readonly id: string;
  readonly component: string;
  readonly version: string;
  readonly target: ReleaseTarget;
  readonly isLate: boolean;
  isWithdrawn: boolean;
  isPaused: boolean;
};

/** The rules in a few plain lines, over everything there is: what the view must agree with. */
class Oracle {
  readonly releases: Published[] = [];
  readonly delivered = new Map<string, string>();
  readonly installed = new Map<string, string>();

  isFor({ target: to }: Published, { id, group, labels }: Client): boolean {
    if ('all' in to) return true;
    if (to.clients?.includes(id)) return true;
    if (!to.groups && !to.labels) return false;
    const isInGroup = !to.groups || to.groups.some((g) => g === '' || group === g || group.startsWith(`${g}/`));
    return isInGroup && Object.entries(to.labels ?? {}).every(([key, value]) => labels[key] === value);
  }

  stateOf(release: Published, client: Client): string {
    const state = this.delivered.get(`${client.id} ${release.id}`);
    const installed = this.installed.get(`${client.id} ${release.component}`);
    if (state === 'acknowledged' || installed === release.version) return 'acknowledged';
    if (release.isWithdrawn) return 'withdrawn';
    const newer = this.releases
      .slice(this.releases.indexOf(release) + 1)
      .filter((r) => r.component === release.component);
    if (newer.some((other) => !other.isWithdrawn && this.isFor(other, client))) return 'superseded';
    if (newer.some((other) => other.isWithdrawn && other.version === installed)) return 'superseded';
    if (state === 'delivered') return 'delivered';
    return release.isLate ? 'expired' : (state ?? 'pending');
  }

  standing(): readonly string[] {
    return this.releases.flatMap((one) =>
      clients
        .filter((client) => this.isFor(one, client))
        .map((client) => `${client.id} ${one.id} ${this.stateOf(one, client)}`),
    );
  }

  queue(): readonly string[] {
    const isOpen = (line: string) => /(pending|delivered|failed)$/.test(line);
    return this.standing()
      .filter(isOpen)
      .map((line) => {
        const one = this.releases.find(({ id }) => line.includes(id));
        return `${line} ${!one?.isPaused && !one?.isLate}`;
      });
  }
}

const meta = { actor: 'test' };
const fleetFact = (type: 'release-paused' | 'release-resumed' | 'release-withdrawn', id: string): NewFact => ({
  type,
  client: null,
  meta,
  data: { id },
});

/** The facts a step leads to; the oracle takes it in too. */
const factsOf = (oracle: Oracle, one: Step): readonly NewFact[] => {
  if (one.type === 'publish') {
    const { component, target: to, isLate } = one;
    const version = `${oracle.releases.length}`;
    const id = randomUUID();
    oracle.releases.push({ id, component, version, target: to, isLate, isWithdrawn: false, isPaused: false });
    const deliverBy = isLate ? '2020-01-01T00:00:00.000Z' : null;
    const data = {
      id,
      component,
      version,
      url: '',
      sha256: '',
      size: 0,
      target: to,
      deliverBy,
      rollout: null,
      within: null,
    };
    return [{ type: 'release-published', client: null, meta, data }];
  }
  const found = oracle.releases[one.release % Math.max(oracle.releases.length, 1)];
  if (!found) return [];
  if (!('client' in one)) {
    if (found.isWithdrawn) return [];
    if (one.type === 'withdraw') found.isWithdrawn = true;
    found.isPaused = one.type === 'pause';
    const type = { withdraw: 'release-withdrawn', pause: 'release-paused', resume: 'release-resumed' } as const;
    return [fleetFact(type[one.type], found.id)];
  }
  const item = { kind: 'update', key: found.component, revision: found.version, release: found.id } as const;
  const key = `${one.client} ${found.id}`;
  if (one.type === 'deliver') {
    oracle.delivered.set(key, 'delivered');
    return [{ type: 'work-delivered', client: one.client, meta, data: { items: [item], request: null } }];
  }
  oracle.delivered.set(key, one.type === 'apply' ? 'acknowledged' : 'failed');
  if (one.type === 'apply') oracle.installed.set(`${one.client} ${found.component}`, found.version);
  const settled = { ...item, outcome: one.type === 'apply' ? 'applied' : 'failed', error: null, via: 'ack' } as const;
  return [{ type: 'work-settled', client: one.client, meta, data: { items: [settled] } }];
};

const register = clients.map(({ id, group, labels }, ordinal): NewFact => {
  const data = { ordinal, name: null, group, labels, ips: [], agentVersion: null, installed: {} };
  return { type: 'client-registered', client: id, meta, data };
});

const linesOf = async (tx: Transaction) => {
  const standing = await tx<{ line: string }[]>`
    SELECT concat_ws(' ', client_id, release, state) AS line FROM release_standing`;
  const queue = await tx<{ line: string }[]>`
    SELECT concat_ws(' ', client_id, release, state, is_deliverable::text) AS line
    FROM undelivered_work WHERE kind = 'update'`;
  return { standing: standing.map(({ line }) => line).sort(), queue: queue.map(({ line }) => line).sort() };
};

const rolledBack = new Error('rolled back');

describe('where clients stand', () => {
  test('G4 G5 G10: the view agrees with the rules, whatever happens in whatever order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps: readonly Step[]) => {
        const run = transact(db, async (tx) => {
          const oracle = new Oracle();
          await appendFacts(tx, 0, register, inlineProjections);
          for (const one of steps) await appendFacts(tx, 0, factsOf(oracle, one), inlineProjections);
          expect(await linesOf(tx)).toEqual({
            standing: [...oracle.standing()].sort(),
            queue: [...oracle.queue()].sort(),
          });
          throw rolledBack;
        });
        await run.catch((error: unknown) => {
          if (error !== rolledBack) throw error;
        });
      }),
      { numRuns: 60 },
    );
  });
});
