import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  type EnrolmentListQuery,
  enrolmentListQuery,
  enrolmentListSchema,
  enrolmentParams,
  enrolmentSchema,
  enrolReplySchema,
  type EnrolReply,
  type EnrolRequest,
  enrolRequestSchema,
} from '#contracts';
import { approve, enrol, enrolmentState, listEnrolments, refuse, selectEnrolment } from '#enrolment';
import type { Queryable } from '#event-log';
import { addressOf } from '../access/address.js';
import { bearerTokenOf } from '../access/bearer.js';
import { Public, Requires } from '../access/requires.js';
import { type ApiContext, Context } from '../context.js';
import { pageByPosition, positionIn, withoutPosition } from '../paging.js';
import { Writer } from '../writes/writer.js';
import { enrolmentOf } from './enrolment-of.js';

type Id = { readonly id: string };

@ApiTags('enrolment')
@Controller('v1/enrolments')
export class EnrolmentsController {
  constructor(
    @Context() private readonly context: ApiContext,
    private readonly writer: Writer,
  ) {}

  @Post()
  @Public()
  @ApiOperation({
    summary: 'Enrol as a client, by a token; for agents',
    description:
      'Needs no administrator key: the token in the body is what lets in. The same request again gets the same answer, ' +
      'and uses the token no second time. 202: an administrator has to approve; ask again.',
  })
  @ApiOkResponse({ standardSchema: enrolReplySchema })
  @ApiAcceptedResponse({ standardSchema: enrolReplySchema })
  async enrol(
    @Body({ schema: enrolRequestSchema }) body: EnrolRequest,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const asked = { ...body, address: addressOf(request), correlation: request.id };
    return answer(reply, await enrol(enrolmentOf(this.context), asked));
  }

  @Get(':id')
  @Public()
  @ApiOperation({
    summary: 'How it stands with an enrolment; for the agent that asked, with its token as bearer token',
  })
  @ApiOkResponse({ standardSchema: enrolReplySchema })
  @ApiAcceptedResponse({ standardSchema: enrolReplySchema })
  async state(
    @Param({ schema: enrolmentParams }) { id }: Id,
    @Req() { headers }: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const token = bearerTokenOf(headers.authorization) ?? '';
    return answer(reply, await enrolmentState(enrolmentOf(this.context), token, id));
  }

  @Get()
  @Requires('admin', { fleet: true })
  @ApiOperation({ summary: 'Who asked to enrol, newest first; with `state=pending` those that wait for approval' })
  @ApiOkResponse({ standardSchema: enrolmentListSchema })
  async list(@Query({ schema: enrolmentListQuery }) { state, limit, cursor }: EnrolmentListQuery) {
    const rows = await listEnrolments(this.context.db, { state, limit: limit + 1 }, positionIn(cursor));
    const { items, nextCursor } = pageByPosition(rows, limit);
    return { items: items.map(withoutPosition), nextCursor };
  }

  @Post(':id/approve')
  @Requires('admin', { fleet: true })
  @HttpCode(200)
  @ApiOperation({ summary: 'Let in a client that waits for approval' })
  @ApiOkResponse({ standardSchema: enrolmentSchema })
  async approve(
    @Param({ schema: enrolmentParams }) { id }: Id,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const enrolment = enrolmentOf(this.context);
    let replaced: readonly string[] = [];
    const body = await this.writer.run(request, reply, async (write) => {
      replaced = await approve(enrolment, write, id);
      return { body: await describe(write.tx, id) };
    });
    if (replaced.length > 0) await enrolment.revocations.push();
    return body;
  }

  @Post(':id/refuse')
  @Requires('admin', { fleet: true })
  @HttpCode(200)
  @ApiOperation({ summary: 'Refuse a client that waits for approval; its use of the token is not given back' })
  @ApiOkResponse({ standardSchema: enrolmentSchema })
  refuse(
    @Param({ schema: enrolmentParams }) { id }: Id,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.writer.run(request, reply, async (write) => {
      await refuse(write, id);
      return { body: await describe(write.tx, id) };
    });
  }
}

const answer = (reply: FastifyReply, body: EnrolReply): EnrolReply => {
  void reply.status(body.state === 'pending' ? 202 : 200);
  if (body.state === 'pending') void reply.header('Retry-After', String(body.retryAfterSeconds));
  return body;
};

const describe = async (db: Queryable, id: string) => {
  const row = await selectEnrolment(db, id);
  return row ? withoutPosition(row) : {};
};
