import { Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { clientParams, credentialListSchema, pageQuery, ReachbackError, revokedSchema } from '#contracts';
import { listCredentials, revoke, revokeSplits } from '#enrolment';
import type { Queryable } from '#event-log';
import { type Caller, From } from '../access/caller.js';
import { Requires } from '../access/requires.js';
import type { Scope } from '../access/scope.js';
import { findKnown } from '../clients/find-client.js';
import { type ApiContext, Context } from '../context.js';
import { pageByPosition, positionIn, withoutPosition } from '../paging.js';
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
  @Requires('admin')
  @ApiOperation({ summary: 'The keys that were ever let in as this client, newest first' })
  @ApiOkResponse({ standardSchema: credentialListSchema })
  async list(
    @From() { scope }: Caller,
    @Param({ schema: clientParams }) { id }: Id,
    @Query({ schema: pageQuery }) { limit, cursor }: { readonly limit: number; readonly cursor?: string },
  ) {
    const before = positionIn(cursor);
    await assertWithin(this.context.db, scope, id);
    const rows = await listCredentials(this.context.db, id, before, limit + 1);
    const { items, nextCursor } = pageByPosition(rows, limit);
    return { items: items.map(withoutPosition), nextCursor };
  }

  @Post('revoke')
  @Requires('admin')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Revoke what the client connects with: cut off at once, and let in again only by a new enrolment',
    description:
      'So is what was split off from it as a copy. With `inEffect` false the broker could not be told yet; the server goes ' +
      'on trying until it has.',
  })
  @ApiOkResponse({ standardSchema: revokedSchema })
  async revoke(
    @From() { scope }: Caller,
    @Param({ schema: clientParams }) { id }: Id,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const answer = await this.writer.run(request, reply, async (write) => {
      await assertWithin(write.tx, scope, id);
      const revoked = await revoke(write, id, 'revoked');
      const ofCopies = await revokeSplits(write, revoked, (group) => group === null || scope.covers(group));
      if (revoked.length > 0) return { body: { revoked: [...revoked, ...ofCopies] } };
      throw new ReachbackError('not_found', `${id} has no valid credential.`);
    });
    const { enrolment } = this.context;
    return { ...(answer as object), inEffect: enrolment === undefined || (await enrolment.revocations.push()) };
  }
}

/** Who has enrolled and not registered yet is in no group. */
const assertWithin = async (db: Queryable, scope: Scope, id: string): Promise<void> => {
  if (!scope.isFleet) await findKnown(db, scope, id);
};
