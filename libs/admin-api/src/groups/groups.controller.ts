import { Controller, Delete, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { groupParams, groupRemovalQuery, groupRemovalSchema, groupTreeSchema } from '#contracts';
import { type ApiContext, Context } from '../context.js';
import { countGroups } from '../counts/count-groups.js';
import { Writer } from '../writes/writer.js';
import { removeGroup } from './remove-group.js';

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
  tree() {
    return countGroups(this.context.db);
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
