import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  componentListSchema,
  componentParams,
  ReachbackError,
  type ReleaseBody,
  releaseBody,
  releaseClientListSchema,
  type ReleaseClientsQuery,
  releaseClientsQuery,
  releaseParams,
  releaseProgressSchema,
  releaseSchema,
} from '#contracts';
import { type Caller, From } from '../access/caller.js';
import { Requires } from '../access/requires.js';
import { type ApiContext, Context } from '../context.js';
import { untilCounted } from '../counts/until-counted.js';
import { Writer } from '../writes/writer.js';
import { changeRelease, type ReleaseChange } from './change-release.js';
import { listReleaseClients } from './list-clients.js';
import { readProgress } from './progress.js';
import { publishRelease } from './publish-release.js';
import { findRelease, listReleases } from './select-releases.js';

type Id = { readonly id: string };

@ApiTags('releases')
@Controller('v1')
export class ReleasesController {
  constructor(
    @Context() private readonly context: ApiContext,
    private readonly writer: Writer,
  ) {}

  @Requires('viewer')
  @Get('components')
  @ApiOperation({ summary: 'Every component with its releases, newest first' })
  @ApiOkResponse({ standardSchema: componentListSchema })
  async components(@From() { scope }: Caller) {
    const releases = await listReleases(this.context.db, scope);
    const names = [...new Set(releases.map(({ component }) => component))];
    const items = names.map((name) => ({ name, releases: releases.filter(({ component }) => component === name) }));
    return { items, nextCursor: null };
  }

  @Requires('operator')
  @Post('components/:name/releases')
  @HttpCode(201)
  @ApiOperation({ summary: 'Publish a version of a component to all clients, or to groups, clients or labels' })
  @ApiCreatedResponse({ standardSchema: releaseSchema })
  publish(
    @From() { scope }: Caller,
    @Param({ schema: componentParams }) { name }: { name: string },
    @Body({ schema: releaseBody }) body: ReleaseBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.writer.run(request, reply, async (write) => {
      const id = await publishRelease(write, scope, name, body);
      return { status: 201, headers: { Location: `/v1/releases/${id}` }, body: await findRelease(write.tx, scope, id) };
    });
  }

  @Requires('viewer')
  @Get('releases/:id')
  @ApiOperation({ summary: 'A release, how far it has come, and when it will be done' })
  @ApiOkResponse({ standardSchema: releaseProgressSchema })
  async get(@From() { scope }: Caller, @Param({ schema: releaseParams }) { id }: Id) {
    const { db } = this.context;
    const release = await findRelease(db, scope, id);
    if (!release) throw notFound();
    await untilCounted(this.context);
    return { ...release, ...(await readProgress(db, scope, release, new Date())) };
  }

  @Requires('viewer')
  @Get('releases/:id/clients')
  @ApiOperation({ summary: 'The clients it is for, by id; who still lacks it, why, and until when (G10)' })
  @ApiOkResponse({ standardSchema: releaseClientListSchema })
  async clients(
    @From() { scope }: Caller,
    @Param({ schema: releaseParams }) { id }: Id,
    @Query({ schema: releaseClientsQuery }) query: ReleaseClientsQuery,
  ) {
    const { db } = this.context;
    if (!(await findRelease(db, scope, id))) throw notFound();
    await untilCounted(this.context);
    return listReleaseClients(db, scope, id, query);
  }

  @Requires('operator')
  @Post('releases/:id/pause')
  @HttpCode(200)
  @ApiOperation({ summary: 'Deliver it to nobody until it is resumed; the time of its rollout stands still' })
  @ApiOkResponse({ standardSchema: releaseSchema })
  pause(
    @From() caller: Caller,
    @Param({ schema: releaseParams }) { id }: Id,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.change(caller, id, 'pause', request, reply);
  }

  @Requires('operator')
  @Post('releases/:id/resume')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Deliver a paused release again; one that is held takes an administrator, who answers for it from then on',
  })
  @ApiOkResponse({ standardSchema: releaseSchema })
  resume(
    @From() caller: Caller,
    @Param({ schema: releaseParams }) { id }: Id,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.change(caller, id, 'resume', request, reply);
  }

  @Requires('operator')
  @Post('releases/:id/withdraw')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Never deliver it again',
    description:
      'The newest release of the component that is left is wanted instead, where it was not installed yet. A client ' +
      'that has the withdrawn version keeps it: nothing is rolled back; publish a newer version to replace it.',
  })
  @ApiOkResponse({ standardSchema: releaseSchema })
  withdraw(
    @From() caller: Caller,
    @Param({ schema: releaseParams }) { id }: Id,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.change(caller, id, 'withdraw', request, reply);
  }

  /** Answers without the progress, which is counted over all clients: too long for a lane to wait. */
  private change(caller: Caller, id: string, change: ReleaseChange, request: FastifyRequest, reply: FastifyReply) {
    return this.writer.run(request, reply, async (write) => {
      await changeRelease(write, caller, id, change);
      return { body: await findRelease(write.tx, caller.scope, id) };
    });
  }
}

const notFound = () => new ReachbackError('not_found', 'There is no release with this id.');
