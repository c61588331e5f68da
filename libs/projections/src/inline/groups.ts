import type { FactOf } from '#contracts';
import { send, type Transaction } from '#event-log';
import { ensureGroups } from './ensure-groups.js';

/** A group and all below it go, with what they set; their clients, removed ones too, are in another group from now on. */
export const removeGroup = (
  { data: { path, moveClientsTo }, position }: FactOf<'group-removed'>,
  tx: Transaction,
): void => {
  const revision = String(position);
  const target = moveClientsTo ?? '';
  send(tx)`DELETE FROM settings_level WHERE scope = 'group' AND is_within(key, ${path})`;
  send(tx)`
    INSERT INTO removed_group (path, revision) VALUES (${path}, ${revision})
    ON CONFLICT (path) DO UPDATE SET revision = excluded.revision`;
  send(tx)`DELETE FROM group_node WHERE is_within(path, ${path})`;
  ensureGroups([target], tx);
  send(tx)`
    UPDATE client SET group_path = ${target}, own_revision = ${revision}, moved_revision = ${revision}
    WHERE is_within(group_path, ${path})`;
  send(tx)`UPDATE presence SET group_path = ${target} WHERE is_within(group_path, ${path})`;
};
