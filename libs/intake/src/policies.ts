import { policyKey, type JsonObject, type SettingsLevel } from '#contracts';
import { defaultPolicy, effectiveSettings, groupChain, parsePolicy, type Policy } from '#domain';

/** The policy part of every level, as the snapshot keeps it. */
export type PolicyLevels = {
  readonly fleet: JsonObject;
  readonly groups: Readonly<Record<string, JsonObject>>;
  readonly clients: Readonly<Record<string, JsonObject>>;
};

/** Agents name groups, and may name new ones again and again: with so many the cache begins anew. */
const mostCached = 10_000;

/** The policy of any client: the levels' `reachback` keys added up, cached per group (R20). */
export class Policies {
  private fleet: JsonObject;
  private readonly groups: Map<string, JsonObject>;
  private readonly clients: Map<string, JsonObject>;
  private readonly cache = new Map<string, Policy>();

  constructor(levels: PolicyLevels = { fleet: {}, groups: {}, clients: {} }) {
    this.fleet = levels.fleet;
    this.groups = new Map(Object.entries(levels.groups));
    this.clients = new Map(Object.entries(levels.clients));
  }

  levels(): PolicyLevels {
    return { fleet: this.fleet, groups: Object.fromEntries(this.groups), clients: Object.fromEntries(this.clients) };
  }

  set(level: SettingsLevel, values: JsonObject): void {
    const policy = values[policyKey];
    const part = isObject(policy) ? { [policyKey]: policy } : {};
    this.cache.clear();
    if (level.scope === 'fleet') this.fleet = part;
    else if (level.scope === 'group') this.groups.set(level.path, part);
    else this.clients.set(level.id, part);
  }

  /** Forgets what a group and all below it set. */
  removeGroup(path: string): void {
    this.cache.clear();
    for (const group of this.groups.keys()) if (groupChain(group).includes(path)) this.groups.delete(group);
  }

  of(clientId: string, group: string): Policy {
    const own = this.clients.get(clientId);
    if (own) return this.compute(group, own);
    const known = this.cache.get(group);
    if (known) return known;
    const policy = this.compute(group, {});
    if (this.cache.size >= mostCached) this.cache.clear();
    this.cache.set(group, policy);
    return policy;
  }

  private compute(group: string, own: JsonObject): Policy {
    const chain = groupChain(group).map((path) => ({ name: path, values: this.groups.get(path) ?? {} }));
    const { values } = effectiveSettings([
      { name: 'fleet', values: this.fleet },
      ...chain,
      { name: 'client', values: own },
    ]);
    const parsed = parsePolicy(values[policyKey]);
    return parsed.ok ? parsed.policy : defaultPolicy;
  }
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
