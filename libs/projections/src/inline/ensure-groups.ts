import { groupChain } from '#domain';
import { send, type Transaction } from '#event-log';
import { placeNewGroups } from './place-groups.js';

/** Every group a client is in, and its ancestors, with the newest revision of the chain. */
export const ensureGroups = (groups: readonly string[], tx: Transaction): void => {
  const paths = [...new Set(groups.flatMap(groupChain))];
  makeGroups(paths, tx);
  placeNewGroups(paths, tx);
};

/** The same for these paths, without their places among the counts: the caller is to see to them. */
export const makeGroups = (paths: readonly string[], tx: Transaction): void => send(tx)`
  INSERT INTO group_node (path, chain_revision)
  SELECT p.path, coalesce(max(l.revision), 0)
  FROM unnest(${paths}::text[]) AS p (path)
  LEFT JOIN (
    SELECT key AS path, revision FROM settings_level WHERE scope = 'group'
    UNION ALL
    SELECT path, revision FROM removed_group
  ) l ON is_within(p.path, l.path)
  GROUP BY p.path
  ON CONFLICT (path) DO NOTHING`;
