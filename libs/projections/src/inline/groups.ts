import type { FactOf } from '#contracts';
import type { Transaction } from '#event-log';
import { ensureGroups } from './ensure-groups.js';

/** A group and all below it go, with what they set; their clients, removed ones too, are in another group from now on. */
export const removeGroup = async (
  { data: { path, moveClientsTo }, position }: FactOf<'group-removed'>,
  tx: Transaction,
): Promise<void> => {
  const below = `${path}/`;
  const revision = String(position);
  const target = moveClientsTo ?? '';
  await tx`DELETE FROM settings_level WHERE scope = 'group' AND (key = ${path} OR starts_with(key, ${below}))`;
  await tx`
    INSERT INTO removed_group (path, revision) VALUES (${path}, ${revision})
    ON CONFLICT (path) DO UPDATE SET revision = excluded.revision`;
  await tx`DELETE FROM group_node WHERE path = ${path} OR starts_with(path, ${below})`;
  await ensureGroups([target], tx);
  const moved = tx`group_path = ${path} OR starts_with(group_path, ${below})`;
  await tx`UPDATE client SET group_path = ${target}, own_revision = ${revision}, moved_revision = ${revision} WHERE ${moved}`;
  await tx`UPDATE presence SET group_path = ${target} WHERE ${moved}`;
};
