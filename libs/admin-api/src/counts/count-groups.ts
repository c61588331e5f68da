import type { GroupNode, Status } from '#contracts';
import { groupChain } from '#domain';
import type { Queryable } from '#event-log';
import { byStatusOf } from './count-fleet.js';

type Counted = { readonly path: string; readonly status: Status | null; readonly clients: number };

/** The tree of groups; every group counts the clients of all groups below it, and its own. */
export const countGroups = async (db: Queryable): Promise<GroupNode> => {
  const rows = await db<Counted[]>`
    SELECT g.path, p.status, coalesce(sum(c.clients), 0)::integer AS clients
    FROM group_node g
    LEFT JOIN cohort c ON c.group_id = g.id
    LEFT JOIN cohort_presence p ON p.id = c.presence_id
    GROUP BY 1, 2 ORDER BY 1`;
  return treeOf(rows);
};

const emptyNode = (path: string): GroupNode => ({
  path,
  name: path.slice(path.lastIndexOf('/') + 1),
  total: 0,
  byStatus: byStatusOf([]),
  children: [],
});

const treeOf = (rows: readonly Counted[]): GroupNode => {
  const root = emptyNode('');
  const nodes = new Map([['', root]]);
  for (const { path, status, clients } of rows) {
    let parent: GroupNode | undefined;
    for (const part of groupChain(path)) {
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
