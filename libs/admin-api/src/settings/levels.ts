import { type JsonObject, policyKey, ReachbackError, type SettingsLevel } from '#contracts';
import { effectiveSettings, groupChain, type NamedLevel, parsePolicy } from '#domain';
import type { Queryable } from '#event-log';
import type { Scope } from '../access/scope.js';
import { findRegistered } from '../clients/find-client.js';
import { type Held, isoTime } from '../held.js';

/** One level as it is stored; a level that was never set is empty, at revision 0. */
export type StoredLevel = {
  readonly revision: string;
  readonly values: JsonObject;
  readonly changedAt: Date | null;
  /** What clients lack of it waits: whoever changed it has lost the right to. */
  readonly held: Held | null;
};

export const keyOf = (level: SettingsLevel): string =>
  level.scope === 'fleet' ? '' : level.scope === 'group' ? level.path : level.id;

/** @throws {ReachbackError} `forbidden`, or `not_registered` where it is a client’s, when it is not the caller’s */
export const assertVisible = async (db: Queryable, scope: Scope, level: SettingsLevel): Promise<void> => {
  if (level.scope === 'client') await findRegistered(db, scope, level.id);
  else scope.assertCovers(level.scope === 'group' ? level.path : '');
};

export const readLevel = async (db: Queryable, level: SettingsLevel): Promise<StoredLevel> => {
  const [row] = await db<StoredLevel[]>`
    SELECT revision::text AS revision, values, changed_at AS "changedAt",
           CASE WHEN held_at IS NOT NULL THEN jsonb_build_object('at', ${isoTime(db, 'held_at')}, 'reason', held_reason) END AS held
    FROM settings_level WHERE scope = ${level.scope} AND key = ${keyOf(level)}`;
  return row ?? { revision: '0', values: {}, changedAt: null, held: null };
};

type NamedRow = { readonly scope: 'fleet' | 'group' | 'client'; readonly key: string; readonly values: JsonObject };

const nameOf = ({ scope, key }: NamedRow): string => (scope === 'group' ? `group:${key}` : scope);

/** The levels that apply to a client, from far to near. */
export const readChain = async (db: Queryable, group: string, clientId: string): Promise<readonly NamedLevel[]> => {
  const rows = await db<NamedRow[]>`
    SELECT scope, key, values FROM settings_level
    WHERE scope = 'fleet' OR (scope = 'group' AND key = ANY(${[...groupChain(group)]}))
       OR (scope = 'client' AND key = ${clientId})
    ORDER BY array_position(ARRAY['fleet', 'group', 'client'], scope), length(key)`;
  return rows.map((row) => ({ name: nameOf(row), values: row.values }));
};

/**
 * Checks the policy that a changed level leads to: its own, and wherever a nearer level sets a part of the policy
 * itself (R11). All other clients have the policy of one of these.
 *
 * @returns the warnings for the level itself (R12)
 * @throws {ReachbackError} `policy_out_of_range`, naming the field and the level
 */
export const checkPolicies = async (
  db: Queryable,
  level: SettingsLevel,
  values: JsonObject,
): Promise<readonly string[]> => {
  const groups = new Map((await selectPolicyGroups(db)).map((row) => [row.key, row.values]));
  const fleet = level.scope === 'fleet' ? values : (await readLevel(db, { scope: 'fleet' })).values;
  if (level.scope === 'group') groups.set(level.path, values);
  const chainOf = (group: string): readonly NamedLevel[] => [
    { name: 'fleet', values: fleet },
    ...groupChain(group).map((path) => ({ name: path, values: groups.get(path) ?? {} })),
  ];
  const isBelow = (group: string): boolean =>
    level.scope === 'fleet' || (level.scope === 'group' && groupChain(group).includes(level.path));
  for (const group of [...groups.keys()].filter(isBelow)) check(chainOf(group), ` in group "${group}"`);
  for (const client of await selectPolicyClients(db, level)) {
    const own = level.scope === 'client' ? values : client.values;
    if (level.scope === 'client' || isBelow(client.group)) {
      check([...chainOf(client.group), { name: 'client', values: own }], ` for client "${client.id}"`);
    }
  }
  if (level.scope === 'client') return [];
  return check(level.scope === 'fleet' ? [{ name: 'fleet', values: fleet }] : chainOf(level.path), '');
};

/**
 * Checks the policies that clients have in another group; those that set no part of it themselves have the group's.
 *
 * @throws {ReachbackError} `policy_out_of_range`, naming the field and the client
 */
export const checkMove = async (db: Queryable, clients: readonly string[], group: string): Promise<void> => {
  const rows = await db<{ key: string; values: JsonObject }[]>`
    SELECT key, values FROM settings_level
    WHERE scope = 'client' AND key = ANY(${[...clients]}) AND values ? ${policyKey}`;
  const [first] = rows;
  if (!first) return;
  const chain = (await readChain(db, group, first.key)).filter(({ name }) => name !== 'client');
  for (const { key, values } of rows) check([...chain, { name: 'client', values }], ` for client "${key}"`);
};

const check = (levels: readonly NamedLevel[], where: string): readonly string[] => {
  const parsed = parsePolicy(effectiveSettings(levels).values[policyKey]);
  if (parsed.ok) return parsed.warnings;
  const { field, message } = parsed.problem;
  throw new ReachbackError('policy_out_of_range', `${message}${where}`, undefined, field);
};

const selectPolicyGroups = (db: Queryable) => db<{ key: string; values: JsonObject }[]>`
  SELECT key, values FROM settings_level WHERE scope = 'group' AND values ? ${policyKey}`;

/** The clients that set a part of the policy themselves; of a client's level, that client. */
const selectPolicyClients = (db: Queryable, level: SettingsLevel) =>
  level.scope === 'client'
    ? db<{ id: string; group: string; values: JsonObject }[]>`
        SELECT id, group_path AS "group", '{}'::jsonb AS values FROM client WHERE id = ${level.id}`
    : db<{ id: string; group: string; values: JsonObject }[]>`
        SELECT c.id, c.group_path AS "group", s.values
        FROM settings_level s JOIN client c ON c.id = s.key
        WHERE s.scope = 'client' AND s.values ? ${policyKey} AND c.removed_at IS NULL`;
