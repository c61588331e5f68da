import { Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { randomUUID } from 'node:crypto';
import { pageQuery, ReachbackError, verificationListSchema, verificationParams, verificationSchema } from '#contracts';
import type { Queryable } from '#event-log';
import { Requires } from '../access/requires.js';
import { type ApiContext, Context } from '../context.js';
import { pageByPosition, positionIn } from '../paging.js';
import { Writer } from '../writes/writer.js';
import { findRunning, findVerification, listVerifications, toVerification } from './select-verifications.js';

@ApiTags('verifications')
@Controller('v1/verifications')
export class VerificationsController {
  constructor(
    @Context() private readonly context: ApiContext,
    private readonly writer: Writer,
  ) {}

  @Requires('operator', { fleet: true })
  @Post()
  @HttpCode(202)
  @ApiOperation({ summary: 'Ask every direct client whether it is there; unreachable ones are skipped (R19)' })
  @ApiAcceptedResponse({ standardSchema: verificationSchema })
  start(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.writer.run(request, reply, async ({ tx, append }) => {
      const running = await findRunning(tx);
      if (running !== undefined) {
        throw new ReachbackError(
          'conflict',
          `The verification ${running} is still running; read how far it is at /v1/verifications/${running}.`,
        );
      }
      const id = randomUUID();
      await append({ type: 'verification-started', client: null, data: { id, reason: 'on-demand' } });
      return { status: 202, headers: { Location: `/v1/verifications/${id}` }, body: await describe(tx, id) };
    });
  }

  @Requires('viewer', { fleet: true })
  @Get()
  @ApiOperation({ summary: 'Connection verifications, newest first' })
  @ApiOkResponse({ standardSchema: verificationListSchema })
  async list(@Query({ schema: pageQuery }) { limit, cursor }: { readonly limit: number; readonly cursor?: string }) {
    const rows = await listVerifications(this.context.db, positionIn(cursor), limit + 1);
    const { items, nextCursor } = pageByPosition(rows, limit);
    return { items: items.map(toVerification), nextCursor };
  }

  @Requires('viewer', { fleet: true })
  @Get(':id')
  @ApiOperation({ summary: 'A connection verification, and how far it has come' })
  @ApiOkResponse({ standardSchema: verificationSchema })
  get(@Param({ schema: verificationParams }) { id }: { readonly id: string }) {
    return describe(this.context.db, id);
  }
}

const describe = async (db: Queryable, id: string) => {
  const row = await findVerification(db, id);
  if (!row) throw new ReachbackError('not_found', 'There is no verification with this id.');
  return toVerification(row);
};
