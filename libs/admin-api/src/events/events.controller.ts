import { Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  eventListSchema,
  eventsQuery,
  projectionListSchema,
  projectionParams,
  ReachbackError,
  rebuildStartedSchema,
  rejectsSchema,
} from '#contracts';
import { isFactType } from '#event-log';
import { beginRebuild, cancelRebuild, type Follower, projectionStates, rebuildable } from '#projections';
import { type Caller, From } from '../access/caller.js';
import { Requires } from '../access/requires.js';
import { type ApiContext, Context } from '../context.js';
import { readVisibleFacts } from './read-visible.js';
import { Writer } from '../writes/writer.js';

type EventsQuery = { readonly after: string; readonly client?: string; readonly type?: string; readonly limit: number };

@ApiTags('log')
@Controller('v1')
export class EventsController {
  constructor(
    @Context() private readonly context: ApiContext,
    private readonly writer: Writer,
  ) {}

  @Requires('viewer')
  @Get('events')
  @ApiOperation({ summary: 'The log of facts, in order; `nextCursor` is the next `after`' })
  @ApiOkResponse({ standardSchema: eventListSchema })
  async events(@From() { scope }: Caller, @Query({ schema: eventsQuery }) { after, client, type, limit }: EventsQuery) {
    if (type !== undefined && !isFactType(type)) {
      throw new ReachbackError('bad_request', `type: there are no facts of the type ${type}`, undefined, 'type');
    }
    const asked = { after: BigInt(after), client, type, limit };
    const { facts, next } = await readVisibleFacts(this.context.db, scope, asked);
    const items = facts.map(({ position, id, type: name, client: about, recordedAt, data, meta }) => ({
      position: String(position),
      id,
      type: name,
      client: about,
      recordedAt,
      data,
      meta,
    }));
    return { items, nextCursor: next === null ? null : String(next) };
  }

  @Requires('viewer', { fleet: true })
  @Get('rejects')
  @ApiOperation({ summary: 'What agents sent that could not be read: counts by code, and the last samples' })
  @ApiOkResponse({ standardSchema: rejectsSchema })
  async rejects() {
    const { db } = this.context;
    const [counts, samples] = await Promise.all([
      db<{ code: string; count: number }[]>`SELECT code, count::float8 AS count FROM reject_count ORDER BY code`,
      db<{ at: Date; subject: string; code: string; message: string; payload: Buffer }[]>`
        SELECT at, subject, code, message, payload FROM reject_sample ORDER BY id DESC LIMIT 100`,
    ]);
    return {
      counts: Object.fromEntries(counts.map(({ code, count }) => [code, count])),
      samples: samples.map((sample) => ({ ...sample, payload: sample.payload.toString('utf8') })),
    };
  }

  @Requires('viewer', { fleet: true })
  @Get('projections')
  @ApiOperation({ summary: 'How far the projections that follow the log have come' })
  @ApiOkResponse({ standardSchema: projectionListSchema })
  async projections() {
    const states = await projectionStates(this.context.db);
    const items = states.map((state) => ({ ...state, position: String(state.position), lag: String(state.lag) }));
    return { items, nextCursor: null };
  }

  @Requires('admin', { fleet: true })
  @Post('projections/:name/rebuild')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Fill a projection anew from the beginning of the log; the old one serves until it is done',
  })
  @ApiAcceptedResponse({ standardSchema: rebuildStartedSchema })
  async rebuild(
    @Param({ schema: projectionParams }) { name }: { name: string },
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const follower = followerOf(name);
    return this.writer.run(request, reply, async ({ tx, append }) => {
      await beginRebuild(tx, follower);
      await append({ type: 'projection-rebuild-started', client: null, data: { projection: name } });
      return { status: 202, body: { name, state: 'rebuilding' } };
    });
  }

  @Requires('admin', { fleet: true })
  @Delete('projections/:name/rebuild')
  @HttpCode(204)
  @ApiOperation({ summary: 'Give up a rebuild; the projection that serves stays as it is' })
  @ApiNoContentResponse()
  async cancel(
    @Param({ schema: projectionParams }) { name }: { name: string },
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const follower = followerOf(name);
    await this.writer.run(request, reply, async ({ tx, append }) => {
      await cancelRebuild(tx, follower);
      await append({ type: 'projection-rebuild-cancelled', client: null, data: { projection: name } });
      return { status: 204 };
    });
  }
}

const followerOf = (name: string): Follower => {
  const follower = rebuildable.find((one) => one.name === name);
  if (follower) return follower;
  const names = rebuildable.map((one) => one.name).join(', ');
  throw new ReachbackError('not_found', `There is no projection "${name}" to rebuild; there are: ${names}.`);
};
