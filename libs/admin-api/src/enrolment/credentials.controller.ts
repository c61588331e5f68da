import { Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { clientParams, credentialListSchema, pageQuery, ReachbackError, revokedSchema } from '#contracts';
import { listCredentials, revoke } from '#enrolment';
import { type ApiContext, Context } from '../context.js';
import { decodePosition, pageOf } from '../paging.js';
import { Writer } from '../writes/writer.js';

type Id = { readonly id: string };

@ApiTags('enrolment')
@Controller('v1/clients/:id/credentials')
export class CredentialsController {
  constructor(
    @Context() private readonly context: ApiContext,
    private readonly writer: Writer,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The keys that were ever let in as this client, newest first' })
  @ApiOkResponse({ standardSchema: credentialListSchema })
  async list(
    @Param({ schema: clientParams }) { id }: Id,
    @Query({ schema: pageQuery }) { limit, cursor }: { readonly limit: number; readonly cursor?: string },
  ) {
    const before = cursor === undefined ? undefined : decodePosition(cursor);
    const rows = await listCredentials(this.context.db, id, before, limit + 1);
    const { items, nextCursor } = pageOf(rows, limit, ({ position }) => [String(position)]);
    return { items: items.map(({ position: _, ...credential }) => credential), nextCursor };
  }

  @Post('revoke')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Revoke what the client connects with: cut off at once, and let in again only by a new enrolment',
    description: 'With `inEffect` false the broker could not be told yet; the server goes on trying until it has.',
  })
  @ApiOkResponse({ standardSchema: revokedSchema })
  async revoke(
    @Param({ schema: clientParams }) { id }: Id,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const answer = await this.writer.run(request, reply, async (write) => {
      const revoked = await revoke(write, id, 'revoked');
      if (revoked.length > 0) return { body: { revoked } };
      throw new ReachbackError('not_found', `${id} has no valid credential.`);
    });
    const { enrolment } = this.context;
    return { ...(answer as object), inEffect: enrolment === undefined || (await enrolment.revocations.push()) };
  }
}
