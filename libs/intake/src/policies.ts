import { policyKey, type JsonObject, type SettingsLevel } from '#contracts';
import { defaultPolicy, effectiveSettings, groupChain, parsePolicy, type Policy } from '#domain';

/** The policy part of one level's settings, and the position of the fact that last changed it. */
type PolicyLevel = { readonly values: JsonObject; readonly revision: string };

/** The policy part of every level, as the snapshot keeps it. */
export type PolicyLevels = {
  readonly fleet: PolicyLevel;
  readonly groups: Readonly<Record<string, PolicyLevel>>;
  readonly clients: Readonly<Record<string, PolicyLevel>>;
};

const unset: PolicyLevel = { values: {}, revision: '0' };

/** The policy of any client: the levels' `reachback` keys added up, cached per group (R20). */
export class Policies {
  private fleet: PolicyLevel;
  private readonly groups: Map<string, PolicyLevel>;
  private readonly clients: Map<string, PolicyLevel>;
  private readonly cache = new Map<string, Policy>();

  constructor(levels: PolicyLevels = { fleet: unset, groups: {}, clients: {} }) {
    this.fleet = levels.fleet;
    this.groups = new Map(Object.entries(levels.groups));
    this.clients = new Map(Object.entries(levels.clients));
  }

  levels(): PolicyLevels {
    return { fleet: this.fleet, groups: Object.fromEntries(this.groups), clients: Object.fromEntries(this.clients) };
  }

  set(level: SettingsLevel, values: JsonObject, revision: bigint): void {
    const policy = values[policyKey];
    const document = { values: isObject(policy) ? { [policyKey]: policy } : {}, revision: String(revision) };
    this.cache.clear();
    if (level.scope === 'fleet') this.fleet = document;
    else if (level.scope === 'group') this.groups.set(level.path, document);
    else this.clients.set(level.id, document);
  }

  /** Forgets what a group and all below it set. */
  removeGroup(path: string): void {
    this.cache.clear();
    for (const group of this.groups.keys()) if (groupChain(group).includes(path)) this.groups.delete(group);
  }

  of(clientId: string, group: string): Policy {
    const own = this.clients.get(clientId);
    if (own) return this.compute(group, own.values);
    const known = this.cache.get(group);
    if (known) return known;
    const policy = this.compute(group, {});
    this.cache.set(group, policy);
    return policy;
  }

  /** The position of the last fact that changed the policy of a client. */
  revisionOf(clientId: string, group: string): bigint {
    const levels = [this.fleet, this.clients.get(clientId), ...groupChain(group).map((path) => this.groups.get(path))];
    return levels.reduce((newest, level) => {
      const revision = BigInt(level?.revision ?? 0);
      return revision > newest ? revision : newest;
    }, 0n);
  }

  private compute(group: string, own: JsonObject): Policy {
    const chain = groupChain(group).map((path) => ({ name: path, values: (this.groups.get(path) ?? unset).values }));
    const { values } = effectiveSettings([
      { name: 'fleet', values: this.fleet.values },
      ...chain,
      { name: 'client', values: own },
    ]);
    const parsed = parsePolicy(values[policyKey]);
    return parsed.ok ? parsed.policy : defaultPolicy;
  }
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
