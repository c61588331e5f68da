import { type JsonObject, policyKey } from '#contracts';
import {
  type Classifier,
  compileNetworks,
  defaultPolicy,
  effectiveSettings,
  groupChain,
  type NamedLevel,
  parsePolicy,
  type Policy,
} from '#domain';
import type { Queryable } from '#event-log';
import { type ClientRow, selectNetworks } from './read-clients.js';

/** What applies to a client: its settings, and the policy in them. */
export type Effective = { readonly values: JsonObject; readonly policy: Policy };

/** Levels from the fleet to a group, and what they add up to. */
type AddedUp = { readonly levels: readonly NamedLevel[]; readonly effective: Effective };

type CachedGroup = {
  readonly fleetRevision: bigint;
  readonly chainRevision: bigint;
  readonly added: AddedUp;
  /** When it was last asked for, by the clock of the cache. */
  usedAt: number;
};

/** A group that nobody has asked for so long is forgotten, in milliseconds: far longer than a batch takes. */
const keptFor = 180_000;

/**
 * Effective settings, added up once per group and kept as long as the revisions read with the client say that nothing
 * on the way from the fleet to the group has changed. So a change is seen by the very next request.
 *
 * Agents name groups, and may name new ones again and again: groups that set nothing share what is above them, and those
 * that are not asked for any more are forgotten.
 */
export class EffectiveCache {
  private readonly groups = new Map<string, CachedGroup>();
  /** By the levels with their revisions: what a group has added up, for as long as one has it. */
  private readonly known = new Map<string, WeakRef<AddedUp>>();
  private tidiedAt: number;
  private networksRevision: bigint | undefined;
  private classifier: Classifier = compileNetworks([]);

  /** `now`: a clock in milliseconds. */
  constructor(private readonly now: () => number = () => performance.now()) {
    this.tidiedAt = now();
  }

  /** Loads what is missing or out of date for these clients; to be called before the other two. */
  async refresh(db: Queryable, rows: readonly ClientRow[]): Promise<void> {
    const [first] = rows;
    if (first && first.networksRevision !== this.networksRevision) {
      const { revision, networks } = await selectNetworks(db);
      this.networksRevision = revision;
      this.classifier = compileNetworks(networks);
    }
    const outdated = new Map(rows.filter((row) => !this.isCurrent(row)).map((row) => [row.group, row]));
    if (outdated.size > 0) await this.loadGroups(db, [...outdated.values()]);
    this.tidy();
  }

  of(row: ClientRow): Effective {
    const group = this.groups.get(row.group);
    if (!group) return effectiveOf([]);
    const { levels, effective } = group.added;
    return row.ownSettings ? effectiveOf([...levels, { name: 'client', values: row.ownSettings }]) : effective;
  }

  /** The network class of a client that reports these addresses. */
  classify(ips: readonly string[]): 'direct' | 'unreachable' {
    return this.classifier(ips).network;
  }

  private isCurrent({ group, fleetRevision, chainRevision }: ClientRow): boolean {
    const cached = this.groups.get(group);
    if (cached) cached.usedAt = this.now();
    return cached?.fleetRevision === fleetRevision && cached.chainRevision === chainRevision;
  }

  /** All in one read: after a change for the whole fleet every group is out of date, and the log's lock may be held. */
  private async loadGroups(db: Queryable, rows: readonly ClientRow[]): Promise<void> {
    const paths = [...new Set(rows.flatMap(({ group }) => groupChain(group)))];
    const found = await db<Level[]>`
      SELECT scope, key, values, revision FROM settings_level
      WHERE scope = 'fleet' OR (scope = 'group' AND key = ANY(${paths}))`;
    const fleet = found.filter(({ scope }) => scope === 'fleet');
    const byPath = new Map(found.filter(({ scope }) => scope === 'group').map((level) => [level.key, level]));
    for (const { group, fleetRevision, chainRevision } of rows) {
      const ofGroups = groupChain(group).flatMap((path) => byPath.get(path) ?? []);
      const added = this.addedUp([...fleet, ...ofGroups]);
      this.groups.set(group, { fleetRevision, chainRevision, added, usedAt: this.now() });
    }
  }

  private addedUp(levels: readonly Level[]): AddedUp {
    const key = JSON.stringify(levels.map((level) => [nameOf(level), String(level.revision)]));
    const known = this.known.get(key)?.deref();
    if (known) return known;
    const named = levels.map((level) => ({ name: nameOf(level), values: level.values }));
    const added = { levels: named, effective: effectiveOf(named) };
    this.known.set(key, new WeakRef(added));
    return added;
  }

  private tidy(): void {
    const now = this.now();
    if (now - this.tidiedAt < keptFor) return;
    this.tidiedAt = now;
    for (const [path, { usedAt }] of this.groups) if (now - usedAt >= keptFor) this.groups.delete(path);
    for (const [key, added] of this.known) if (!added.deref()) this.known.delete(key);
  }
}

type Level = { readonly scope: string; readonly key: string; readonly values: JsonObject; readonly revision: bigint };

const nameOf = ({ scope, key }: Level): string => (scope === 'fleet' ? 'fleet' : `group:${key}`);

const effectiveOf = (levels: readonly NamedLevel[]): Effective => {
  const { values } = effectiveSettings(levels);
  const parsed = parsePolicy(values[policyKey]);
  return { values, policy: parsed.ok ? parsed.policy : defaultPolicy };
};
