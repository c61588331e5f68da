import { Body, Controller, Get, Headers, Param, Patch, Req, Res } from '@nestjs/common';
import { ApiConsumes, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  clientParams,
  effectiveSettingsSchema,
  groupParams,
  type JsonObject,
  mergePatchBody,
  ReachbackError,
  type SettingsLevel,
  settingsChangedSchema,
  settingsLevelSchema,
} from '#contracts';
import { effectiveSettings } from '#domain';
import type { Queryable } from '#event-log';
import { type ApiContext, Context } from '../context.js';
import { Writer } from '../writes/writer.js';
import { answerLevel, changeSettings } from './change-settings.js';
import { readChain, readLevel } from './levels.js';

const mergePatchType = 'application/merge-patch+json';

@ApiTags('settings')
@Controller('v1')
export class SettingsController {
  constructor(
    @Context() private readonly context: ApiContext,
    private readonly writer: Writer,
  ) {}

  @Get('settings')
  @ApiOperation({ summary: 'What the fleet’s level sets; the policy is under `reachback`' })
  @ApiOkResponse({ standardSchema: settingsLevelSchema })
  getFleet(@Res({ passthrough: true }) reply: FastifyReply) {
    return this.read(reply, { scope: 'fleet' });
  }

  @Patch('settings')
  @ApiConsumes(mergePatchType, 'application/json')
  @ApiOperation({ summary: 'Change the fleet’s level by a JSON merge patch' })
  @ApiOkResponse({ standardSchema: settingsChangedSchema })
  patchFleet(
    @Body({ schema: mergePatchBody }) patch: JsonObject,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.writer.run(request, reply, (write) => changeSettings(write, { scope: 'fleet' }, patch, ifMatch));
  }

  @Get('groups/:path/settings')
  @ApiOperation({ summary: 'What a group’s level sets; the path is percent-encoded' })
  @ApiOkResponse({ standardSchema: settingsLevelSchema })
  getGroup(
    @Param({ schema: groupParams }) { path }: { path: string },
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.read(reply, { scope: 'group', path });
  }

  @Patch('groups/:path/settings')
  @ApiConsumes(mergePatchType, 'application/json')
  @ApiOperation({ summary: 'Change a group’s level by a JSON merge patch' })
  @ApiOkResponse({ standardSchema: settingsChangedSchema })
  patchGroup(
    @Param({ schema: groupParams }) { path }: { path: string },
    @Body({ schema: mergePatchBody }) patch: JsonObject,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.writer.run(request, reply, (write) => changeSettings(write, { scope: 'group', path }, patch, ifMatch));
  }

  @Get('clients/:id/settings')
  @ApiOperation({ summary: 'What a client’s own level sets' })
  @ApiOkResponse({ standardSchema: settingsLevelSchema })
  async getClient(
    @Param({ schema: clientParams }) { id }: { id: string },
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    await groupOf(this.context.db, id);
    return this.read(reply, { scope: 'client', id });
  }

  @Patch('clients/:id/settings')
  @ApiConsumes(mergePatchType, 'application/json')
  @ApiOperation({ summary: 'Change a client’s own level by a JSON merge patch' })
  @ApiOkResponse({ standardSchema: settingsChangedSchema })
  patchClient(
    @Param({ schema: clientParams }) { id }: { id: string },
    @Body({ schema: mergePatchBody }) patch: JsonObject,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.writer.run(request, reply, async (write) => {
      await groupOf(write.tx, id);
      return changeSettings(write, { scope: 'client', id }, patch, ifMatch);
    });
  }

  @Get('clients/:id/settings/effective')
  @ApiOperation({ summary: 'What applies to a client, each key with the level that set it (R20)' })
  @ApiOkResponse({ standardSchema: effectiveSettingsSchema })
  async getEffective(@Param({ schema: clientParams }) { id }: { id: string }) {
    const { db } = this.context;
    const levels = await readChain(db, await groupOf(db, id), id);
    const [row] = await db<{ revision: string }[]>`
      SELECT revision::text AS revision FROM effective_revision WHERE client_id = ${id}`;
    return { revision: row?.revision ?? '0', ...effectiveSettings(levels) };
  }

  private async read(reply: FastifyReply, level: SettingsLevel) {
    const { headers, body } = answerLevel(await readLevel(this.context.db, level));
    void reply.headers(headers ?? {});
    return body;
  }
}

const groupOf = async (db: Queryable, id: string): Promise<string> => {
  const [row] = await db<{ group: string }[]>`
    SELECT group_path AS "group" FROM client WHERE id = ${id} AND removed_at IS NULL`;
  if (!row) throw new ReachbackError('not_registered');
  return row.group;
};
