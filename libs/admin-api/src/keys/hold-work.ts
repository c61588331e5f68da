import type { HoldReason, Role, SettingsLevel } from '#contracts';
import type { Transaction } from '#event-log';
import { includes } from '../access/caller.js';
import { Scope } from '../access/scope.js';
import { entirelyWithin } from '../releases/scoped-target.js';
import type { Write } from '../writes/writer.js';

/** What a key may still do. */
export type Rights = { readonly role: Role; readonly group: string };
export type HeldWork = { readonly releases: readonly string[]; readonly settings: readonly SettingsLevel[] };

/**
 * Holds what a key answers for and may not do any more: releases that somebody may still get, and levels of settings.
 * They stay where they are, to be seen; nobody is delivered them until an administrator answers for them. What was
 * delivered stays delivered, and the policy, which is in force from the moment it is set, stays in force.
 *
 * @param rights what the key may do from now on; undefined when it is revoked
 */
export const holdLostWork = async ({ tx, append }: Write, key: string, rights?: Rights): Promise<HeldWork> => {
  const reason: HoldReason = rights === undefined ? 'key-revoked' : mayWrite(rights) ? 'group-changed' : 'role-lowered';
  const kept = rights && mayWrite(rights) ? new Scope(rights.group) : undefined;
  const releases = await selectLostReleases(tx, key, kept);
  const settings = await selectLostLevels(tx, key, kept);
  for (const id of releases) await append({ type: 'release-held', client: null, data: { id, key, reason } });
  for (const level of settings) {
    const client = level.scope === 'client' ? level.id : null;
    await append({ type: 'settings-held', client, data: { level, key, reason } });
  }
  return { releases, settings };
};

const mayWrite = ({ role }: Rights): boolean => includes(role, 'operator');

const selectLostReleases = async (
  tx: Transaction,
  key: string,
  kept: Scope | undefined,
): Promise<readonly string[]> => {
  const rows = await tx<{ id: string }[]>`
    SELECT id FROM release
    WHERE owner_key = ${key} AND withdrawn_at IS NULL AND is_current AND held_at IS NULL ORDER BY position`;
  const ids = rows.map(({ id }) => id);
  const still = kept ? await entirelyWithin(tx, kept, ids) : undefined;
  return ids.filter((id) => !still?.has(id));
};

type LevelRow = { readonly scope: SettingsLevel['scope']; readonly key: string; readonly group: string };

/** A client's level is where the client is now. */
const selectLostLevels = async (
  tx: Transaction,
  key: string,
  kept: Scope | undefined,
): Promise<readonly SettingsLevel[]> => {
  const rows = await tx<LevelRow[]>`
    SELECT s.scope, s.key, CASE s.scope WHEN 'client' THEN coalesce(c.group_path, '') ELSE s.key END AS "group"
    FROM settings_level s LEFT JOIN client c ON s.scope = 'client' AND c.id = s.key
    WHERE s.owner_key = ${key} AND s.held_at IS NULL ORDER BY s.scope, s.key`;
  return rows.filter(({ group }) => !kept?.covers(group)).map(levelOf);
};

const levelOf = ({ scope, key }: LevelRow): SettingsLevel =>
  scope === 'fleet' ? { scope } : scope === 'group' ? { scope, path: key } : { scope, id: key };
