import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  type EnrolmentTokenBody,
  enrolmentTokenBody,
  enrolmentTokenListSchema,
  enrolmentTokenParams,
  enrolmentTokenSchema,
  newEnrolmentTokenSchema,
  pageQuery,
  ReachbackError,
} from '#contracts';
import { createToken, deleteToken, findToken, listTokens } from '#enrolment';
import type { Queryable } from '#event-log';
import { Requires } from '../access/requires.js';
import { type ApiContext, Context } from '../context.js';
import { pageByPosition, positionIn, withoutPosition } from '../paging.js';
import { Writer } from '../writes/writer.js';
import { enrolmentOf } from './enrolment-of.js';

@ApiTags('enrolment')
@Controller('v1/enrolment-tokens')
export class TokensController {
  constructor(
    @Context() private readonly context: ApiContext,
    private readonly writer: Writer,
  ) {}

  @Post()
  @Requires('admin', { fleet: true })
  @HttpCode(201)
  @ApiOperation({
    summary: 'Make a token by which agents enrol',
    description: 'The token is shown this once. Sent again with its Idempotency-Key, the answer has `token` null.',
  })
  @ApiCreatedResponse({ standardSchema: newEnrolmentTokenSchema })
  async create(
    @Body({ schema: enrolmentTokenBody }) body: EnrolmentTokenBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const enrolment = enrolmentOf(this.context);
    // Added to the answer here, for the answer as it is in the work is what an Idempotency-Key keeps.
    let token: string | null = null;
    const answer = await this.writer.run(request, reply, async (write) => {
      const created = await createToken(enrolment, write, body);
      token = created.token;
      return { status: 201, body: { ...(await describe(write.tx, created.id)), token: null } };
    });
    return { ...(answer as object), token };
  }

  @Get()
  @Requires('admin', { fleet: true })
  @ApiOperation({ summary: 'Enrolment tokens, newest first; what they grant, and how often they were used' })
  @ApiOkResponse({ standardSchema: enrolmentTokenListSchema })
  async list(@Query({ schema: pageQuery }) { limit, cursor }: { readonly limit: number; readonly cursor?: string }) {
    const rows = await listTokens(this.context.db, positionIn(cursor), limit + 1);
    const { items, nextCursor } = pageByPosition(rows, limit);
    return { items: items.map(withoutPosition), nextCursor };
  }

  @Get(':id')
  @Requires('admin', { fleet: true })
  @ApiOperation({ summary: 'An enrolment token: what it grants, and how often it was used' })
  @ApiOkResponse({ standardSchema: enrolmentTokenSchema })
  async get(@Param({ schema: enrolmentTokenParams }) { id }: { readonly id: string }) {
    const token = await findToken(this.context.db, id);
    if (!token) throw new ReachbackError('not_found', 'There is no enrolment token with this id.');
    return withoutPosition(token);
  }

  @Delete(':id')
  @Requires('admin', { fleet: true })
  @HttpCode(204)
  @ApiOperation({
    summary: 'Delete a token: nobody enrols with it any more',
    description: 'Who waits for approval is refused. Who has enrolled with it keeps the credential.',
  })
  @ApiNoContentResponse()
  async remove(
    @Param({ schema: enrolmentTokenParams }) { id }: { readonly id: string },
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    await this.writer.run(request, reply, async (write) => {
      await deleteToken(write, id);
      return { status: 204 };
    });
    void this.context.enrolment?.revocations.push();
  }
}

const describe = async (db: Queryable, id: string) => {
  const token = await findToken(db, id);
  return token ? withoutPosition(token) : {};
};
