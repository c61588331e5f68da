import { type GroupRemoval, ReachbackError } from '#contracts';
import { groupChain } from '#domain';
import type { Transaction } from '#event-log';
import { checkMove } from '../settings/levels.js';
import type { Scope } from '../access/scope.js';
import type { Write } from '../writes/writer.js';

/**
 * Removes a group and all below it with their settings, by one fact however many clients move.
 *
 * @throws {ReachbackError} `forbidden` when one of the two groups is not the caller’s; `conflict` when it has clients and nobody said where to; `policy_out_of_range` when a
 * client's own settings do not go with the policy of the group it would move to (R11)
 */
export const removeGroup = async (
  { tx, append }: Write,
  scope: Scope,
  path: string,
  moveClientsTo: string | undefined,
): Promise<GroupRemoval> => {
  scope.assertCovers(path);
  if (moveClientsTo !== undefined) scope.assertCovers(moveClientsTo, 'moveClientsTo');
  if (path === scope.group)
    throw new ReachbackError('forbidden', 'A key cannot remove the group that it is limited to.');
  assertTargetRemains(path, moveClientsTo);
  const groups = await tx<{ path: string }[]>`
    SELECT path FROM group_node WHERE is_within(path, ${path}) ORDER BY path`;
  if (groups.length === 0) throw new ReachbackError('not_found', `There is no group "${path}".`);
  const clients = await countClients(tx, path);
  if (clients > 0 && moveClientsTo === undefined) {
    throw new ReachbackError(
      'conflict',
      `The group "${path}" and those below it have ${clients} client${clients === 1 ? '' : 's'}; ` +
        'move them first, or say where to with ?moveClientsTo=<group> (empty for the root).',
    );
  }
  const target = clients > 0 ? (moveClientsTo ?? null) : null;
  if (target !== null) await checkMove(tx, await selectClientsWithSettings(tx, path), target);
  await append(
    { type: 'group-removed', client: null, data: { path, moveClientsTo: target } },
    { groups: groups.map((group) => group.path), clients },
  );
  return { removedGroups: groups.map((group) => group.path), movedClients: clients };
};

const countClients = async (tx: Transaction, path: string): Promise<number> => {
  const [row] = await tx<{ clients: number }[]>`
    SELECT count(*)::integer AS clients FROM client
    WHERE removed_at IS NULL AND is_within(group_path, ${path})`;
  return row?.clients ?? 0;
};

const selectClientsWithSettings = async (tx: Transaction, path: string): Promise<readonly string[]> => {
  const rows = await tx<{ id: string }[]>`
    SELECT c.id FROM settings_level s JOIN client c ON c.id = s.key
    WHERE s.scope = 'client' AND c.removed_at IS NULL
      AND is_within(c.group_path, ${path})`;
  return rows.map(({ id }) => id);
};

const assertTargetRemains = (path: string, moveClientsTo: string | undefined): void => {
  if (moveClientsTo !== undefined && groupChain(moveClientsTo).includes(path)) {
    throw new ReachbackError(
      'bad_request',
      `moveClientsTo: "${moveClientsTo}" is removed with "${path}"; name another group.`,
      undefined,
      'moveClientsTo',
    );
  }
};
