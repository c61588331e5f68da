import { Controller, Delete, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  type GroupNode,
  groupParams,
  groupRemovalQuery,
  groupRemovalSchema,
  groupTreeSchema,
  type Status,
  statuses,
} from '#contracts';
import { groupChain } from '#domain';
import { type ApiContext, Context } from '../context.js';
import { Writer } from '../writes/writer.js';
import { removeGroup } from './remove-group.js';

type Counted = { readonly path: string; readonly status: Status | null; readonly clients: number };

@ApiTags('groups')
@Controller('v1/groups')
export class GroupsController {
  constructor(
    @Context() private readonly context: ApiContext,
    private readonly writer: Writer,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The tree of groups from its root, with counts by status' })
  @ApiOkResponse({ standardSchema: groupTreeSchema })
  async tree() {
    const rows = await this.context.db<Counted[]>`
      SELECT g.path, coalesce(p.status, 'Offline') AS status, count(c.id)::integer AS clients
      FROM group_node g
      LEFT JOIN client c ON c.group_path = g.path AND c.removed_at IS NULL
      LEFT JOIN presence p ON p.client_id = c.id
      GROUP BY 1, 2 ORDER BY 1`;
    return treeOf(rows);
  }

  @Delete(':path')
  @ApiOperation({ summary: 'Remove a group and those below it, with their settings; its clients move where you say' })
  @ApiOkResponse({ standardSchema: groupRemovalSchema })
  remove(
    @Param({ schema: groupParams }) { path }: { path: string },
    @Query({ schema: groupRemovalQuery }) { moveClientsTo }: { moveClientsTo?: string },
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.writer.run(request, reply, async (write) => ({
      body: await removeGroup(write, path, moveClientsTo),
    }));
  }
}

const emptyNode = (path: string): GroupNode => ({
  path,
  name: path.slice(path.lastIndexOf('/') + 1),
  total: 0,
  byStatus: Object.fromEntries(statuses.map((status) => [status, 0])) as GroupNode['byStatus'],
  children: [],
});

/** Every group counts the clients of all groups below it, and its own. */
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
      if (status && clients > 0) node.byStatus[status] += clients;
      parent = node;
    }
  }
  return root;
};
