import { type JsonObject, policyKey } from '#contracts';
import { defaultPolicy, effectiveSettings, groupChain, parsePolicy, type Policy } from '#domain';
import type { Queryable } from '#event-log';

/** Whose policy is asked for: that of a group, or of a client in it that has settings of its own. */
export type PolicyHolder = { readonly group: string; readonly own: string | null };

type LevelRow = { readonly scope: 'fleet' | 'group' | 'client'; readonly key: string; readonly policy: unknown };

/** The policies of many clients, from one read of the levels they need (R20). */
export const readPolicies = async (
  db: Queryable,
  holders: readonly PolicyHolder[],
): Promise<(holder: PolicyHolder) => Policy> => {
  const groups = [...new Set(holders.flatMap(({ group }) => groupChain(group)))];
  const clients = holders.flatMap(({ own }) => (own === null ? [] : [own]));
  const rows = await db<LevelRow[]>`
    SELECT scope, key, values->${policyKey} AS policy FROM settings_level
    WHERE values ? ${policyKey}
      AND (scope = 'fleet' OR (scope = 'group' AND key = ANY(${groups})) OR (scope = 'client' AND key = ANY(${clients})))`;
  const levels = new Map(rows.map((row) => [`${row.scope} ${row.key}`, row.policy]));
  const valuesOf = (scope: LevelRow['scope'], key: string): JsonObject => {
    const policy = levels.get(`${scope} ${key}`);
    return policy === undefined ? {} : { [policyKey]: policy };
  };
  const known = new Map<string, Policy>();
  return ({ group, own }) => {
    const name = JSON.stringify([group, own]);
    const policy = known.get(name) ?? compute(valuesOf, group, own);
    known.set(name, policy);
    return policy;
  };
};

const compute = (
  valuesOf: (scope: LevelRow['scope'], key: string) => JsonObject,
  group: string,
  own: string | null,
): Policy => {
  const { values } = effectiveSettings([
    { name: 'fleet', values: valuesOf('fleet', '') },
    ...groupChain(group).map((path) => ({ name: path, values: valuesOf('group', path) })),
    ...(own === null ? [] : [{ name: 'client', values: valuesOf('client', own) }]),
  ]);
  const parsed = parsePolicy(values[policyKey]);
  return parsed.ok ? parsed.policy : defaultPolicy;
};
