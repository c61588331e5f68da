import { Body, Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { randomUUID } from 'node:crypto';
import {
  componentListSchema,
  componentParams,
  policyKey,
  ReachbackError,
  type ReleaseBody,
  releaseBody,
  releaseParams,
  releaseProgressSchema,
} from '#contracts';
import { defaultPolicy, parsePolicy } from '#domain';
import type { Queryable } from '#event-log';
import { type ApiContext, Context } from '../context.js';
import { readLevel } from '../settings/levels.js';
import { Writer } from '../writes/writer.js';
import { findRelease, listReleases, readProgress } from './select-releases.js';

@ApiTags('releases')
@Controller('v1')
export class ReleasesController {
  constructor(
    @Context() private readonly context: ApiContext,
    private readonly writer: Writer,
  ) {}

  @Get('components')
  @ApiOperation({ summary: 'Every component with its releases, newest first' })
  @ApiOkResponse({ standardSchema: componentListSchema })
  async components() {
    const releases = await listReleases(this.context.db);
    const names = [...new Set(releases.map(({ component }) => component))];
    const items = names.map((name) => ({ name, releases: releases.filter(({ component }) => component === name) }));
    return { items, nextCursor: null };
  }

  @Post('components/:name/releases')
  @HttpCode(201)
  @ApiOperation({ summary: 'Publish a version of a component to all clients, or to groups, clients or labels' })
  @ApiCreatedResponse({ standardSchema: releaseProgressSchema })
  publish(
    @Param({ schema: componentParams }) { name }: { name: string },
    @Body({ schema: releaseBody }) body: ReleaseBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.writer.run(request, reply, async ({ tx, append }) => {
      const [existing] = await tx<{ id: string }[]>`
        SELECT id FROM release WHERE component = ${name} AND version = ${body.version}`;
      if (existing) {
        throw new ReachbackError(
          'conflict',
          `${name} ${body.version} is published already, as ${existing.id}; a version is never changed.`,
        );
      }
      const id = randomUUID();
      const deliverBy = body.deliverBy ? new Date(body.deliverBy).toISOString() : null;
      await append({ type: 'release-published', client: null, data: { ...body, id, component: name, deliverBy } });
      return { status: 201, headers: { Location: `/v1/releases/${id}` }, body: await describe(tx, id) };
    });
  }

  @Get('releases/:id')
  @ApiOperation({ summary: 'A release, and how far it has come' })
  @ApiOkResponse({ standardSchema: releaseProgressSchema })
  get(@Param({ schema: releaseParams }) { id }: { id: string }) {
    return describe(this.context.db, id);
  }
}

const describe = async (db: Queryable, id: string) => {
  const release = await findRelease(db, id);
  if (!release) throw new ReachbackError('not_found', 'There is no release with this id.');
  const { progress, unfinished, offline } = await readProgress(db, id);
  return { ...release, progress, eta: unfinished > 0 && offline === 0 ? await nextPolls(db) : null };
};

/** When every client that is online will have polled, by the fleet's policy. */
const nextPolls = async (db: Queryable): Promise<string> => {
  const { values } = await readLevel(db, { scope: 'fleet' });
  const parsed = parsePolicy(values[policyKey]);
  const { interval } = (parsed.ok ? parsed.policy : defaultPolicy).poll;
  return new Date(Date.now() + interval).toISOString();
};
