import { Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { clientParams, copyListSchema, pageQuery, ReachbackError } from '#contracts';
import { type Caller, From } from '../access/caller.js';
import { Requires } from '../access/requires.js';
import { findRegistered } from '../clients/find-client.js';
import { type ApiContext, Context } from '../context.js';
import { pageByPosition, positionIn, withoutPosition } from '../paging.js';
import { Writer } from '../writes/writer.js';
import { findCopy, listCopies } from './select-copies.js';

@ApiTags('copies')
@Controller('v1')
export class CopiesController {
  constructor(
    @Context() private readonly context: ApiContext,
    private readonly writer: Writer,
  ) {}

  @Requires('viewer')
  @Get('copies')
  @ApiOperation({ summary: 'Clients that two machines speak as, with where each of the two is; newest first' })
  @ApiOkResponse({ standardSchema: copyListSchema })
  async list(
    @From() { scope }: Caller,
    @Query({ schema: pageQuery }) { limit, cursor }: { readonly limit: number; readonly cursor?: string },
  ) {
    const rows = await listCopies(this.context.db, scope, positionIn(cursor), limit + 1);
    const { items, nextCursor } = pageByPosition(rows, limit);
    return { items: items.map(withoutPosition), nextCursor };
  }

  @Requires('admin')
  @Post('clients/:id/copies/dismiss')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Say that one of the two is gone: the client is served as any other',
    description: 'If both still speak, it is found out again.',
  })
  @ApiNoContentResponse()
  dismiss(
    @From() { scope }: Caller,
    @Param({ schema: clientParams }) { id }: { readonly id: string },
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.writer.run(request, reply, async ({ tx, append }) => {
      await findRegistered(tx, scope, id);
      const position = await findCopy(tx, id);
      if (position === undefined) throw new ReachbackError('not_found', `${id} is not known to be copied.`);
      await append({ type: 'client-copy-dismissed', client: id, data: { copied: String(position) } });
      return { status: 204 };
    });
  }
}
