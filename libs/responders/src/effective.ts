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

type CachedGroup = {
  readonly fleetRevision: bigint;
  readonly chainRevision: bigint;
  readonly levels: readonly NamedLevel[];
  readonly effective: Effective;
};

/**
 * Effective settings, added up once per group and kept as long as the revisions read with the client say that nothing
 * on the way from the fleet to the group has changed. So a change is seen by the very next request.
 */
export class EffectiveCache {
  private readonly groups = new Map<string, CachedGroup>();
  private networksRevision: bigint | undefined;
  private classifier: Classifier = compileNetworks([]);

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
  }

  of(row: ClientRow): Effective {
    const group = this.groups.get(row.group);
    if (!group) return effectiveOf([]);
    return row.ownSettings
      ? effectiveOf([...group.levels, { name: 'client', values: row.ownSettings }])
      : group.effective;
  }

  /** The network class of a client that reports these addresses. */
  classify(ips: readonly string[]): 'direct' | 'unreachable' {
    return this.classifier(ips).network;
  }

  private isCurrent({ group, fleetRevision, chainRevision }: ClientRow): boolean {
    const cached = this.groups.get(group);
    return cached?.fleetRevision === fleetRevision && cached.chainRevision === chainRevision;
  }

  /** All in one read: after a change for the whole fleet every group is out of date, and the log's lock may be held. */
  private async loadGroups(db: Queryable, rows: readonly ClientRow[]): Promise<void> {
    const paths = [...new Set(rows.flatMap(({ group }) => groupChain(group)))];
    const found = await db<{ scope: string; key: string; values: JsonObject }[]>`
      SELECT scope, key, values FROM settings_level
      WHERE scope = 'fleet' OR (scope = 'group' AND key = ANY(${paths}))`;
    const fleet = found.filter(({ scope }) => scope === 'fleet').map(({ values }) => ({ name: 'fleet', values }));
    const byPath = new Map(found.filter(({ scope }) => scope === 'group').map(({ key, values }) => [key, values]));
    for (const { group, fleetRevision, chainRevision } of rows) {
      const ofGroups = groupChain(group).flatMap((path) => {
        const values = byPath.get(path);
        return values === undefined ? [] : [{ name: `group:${path}`, values }];
      });
      const levels: readonly NamedLevel[] = [...fleet, ...ofGroups];
      this.groups.set(group, { fleetRevision, chainRevision, levels, effective: effectiveOf(levels) });
    }
  }
}

const effectiveOf = (levels: readonly NamedLevel[]): Effective => {
  const { values } = effectiveSettings(levels);
  const parsed = parsePolicy(values[policyKey]);
  return { values, policy: parsed.ok ? parsed.policy : defaultPolicy };
};
