import type { GroupNode, Status } from '#contracts';
import { groupChain } from '#domain';
import type { Queryable } from '#event-log';
import type { Scope } from '../access/scope.js';
import { byStatusOf } from './count-fleet.js';

type Counted = { readonly path: string; readonly status: Status | null; readonly clients: number };

/** The tree of groups from the scope's on; every group counts the clients of all groups below it, and its own. */
export const countGroups = async (db: Queryable, scope: Scope): Promise<GroupNode> => {
  const rows = await db<Counted[]>`
    SELECT g.path, p.status, coalesce(sum(c.clients), 0)::integer AS clients
    FROM group_node g
    LEFT JOIN (SELECT group_id, presence_id, sum(clients) AS clients FROM cohort GROUP BY 1, 2) c ON c.group_id = g.id
    LEFT JOIN cohort_presence p ON p.id = c.presence_id
    WHERE true ${scope.condition(db, 'g.path')}
    GROUP BY 1, 2 ORDER BY 1`;
  return treeOf(rows, scope);
};

const emptyNode = (path: string): GroupNode => ({
  path,
  name: path.slice(path.lastIndexOf('/') + 1),
  total: 0,
  byStatus: byStatusOf([]),
  children: [],
});

const treeOf = (rows: readonly Counted[], scope: Scope): GroupNode => {
  const root = emptyNode(scope.group);
  const nodes = new Map([[root.path, root]]);
  for (const { path, status, clients } of rows) {
    let parent: GroupNode | undefined;
    for (const part of groupChain(path).filter((one) => scope.covers(one))) {
      let node = nodes.get(part);
      if (!node) {
        node = emptyNode(part);
        nodes.set(part, node);
        parent?.children.push(node);
      }
      node.total += clients;
      if (status) node.byStatus[status] += clients;
      parent = node;
    }
  }
  return root;
};
