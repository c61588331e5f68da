import { Controller, Delete, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { groupParams, groupRemovalQuery, groupRemovalSchema, groupTreeSchema } from '#contracts';
import { type Caller, From } from '../access/caller.js';
import { Requires } from '../access/requires.js';
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

  @Requires('viewer')
  @Get()
  @ApiOperation({ summary: 'The tree of groups from its root, or from the key’s group, with counts by status' })
  @ApiOkResponse({ standardSchema: groupTreeSchema })
  tree(@From() { scope }: Caller) {
    return countGroups(this.context.db, scope);
  }

  @Requires('admin')
  @Delete(':path')
  @ApiOperation({ summary: 'Remove a group and those below it, with their settings; its clients move where you say' })
  @ApiOkResponse({ standardSchema: groupRemovalSchema })
  remove(
    @From() { scope }: Caller,
    @Param({ schema: groupParams }) { path }: { path: string },
    @Query({ schema: groupRemovalQuery }) { moveClientsTo }: { moveClientsTo?: string },
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.writer.run(request, reply, async (write) => ({
      body: await removeGroup(write, scope, path, moveClientsTo),
    }));
  }
}
