import { Body, Controller, Get, Headers, Param, Patch, Req, Res } from '@nestjs/common';
import { ApiConsumes, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  clientParams,
  effectiveSettingsSchema,
  groupParams,
  type JsonObject,
  mergePatchBody,
  type SettingsLevel,
  settingsChangedSchema,
  settingsLevelSchema,
} from '#contracts';
import { effectiveSettings } from '#domain';
import { type Caller, From } from '../access/caller.js';
import { Requires } from '../access/requires.js';
import type { Scope } from '../access/scope.js';
import { findRegistered } from '../clients/find-client.js';
import { type ApiContext, Context } from '../context.js';
import { Writer } from '../writes/writer.js';
import { answerLevel, changeSettings } from './change-settings.js';
import { assertVisible, readChain, readLevel } from './levels.js';

const mergePatchType = 'application/merge-patch+json';

@ApiTags('settings')
@Controller('v1')
export class SettingsController {
  constructor(
    @Context() private readonly context: ApiContext,
    private readonly writer: Writer,
  ) {}

  @Requires('viewer', { fleet: true })
  @Get('settings')
  @ApiOperation({ summary: 'What the fleet’s level sets; the policy is under `reachback`' })
  @ApiOkResponse({ standardSchema: settingsLevelSchema })
  getFleet(@From() { scope }: Caller, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.read(reply, scope, { scope: 'fleet' });
  }

  @Requires('operator', { fleet: true })
  @Patch('settings')
  @ApiConsumes(mergePatchType, 'application/json')
  @ApiOperation({ summary: 'Change the fleet’s level by a JSON merge patch' })
  @ApiOkResponse({ standardSchema: settingsChangedSchema })
  patchFleet(
    @From() caller: Caller,
    @Body({ schema: mergePatchBody }) patch: JsonObject,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.writer.run(request, reply, (write) =>
      changeSettings(write, caller, { scope: 'fleet' }, patch, ifMatch),
    );
  }

  @Requires('viewer')
  @Get('groups/:path/settings')
  @ApiOperation({ summary: 'What a group’s level sets; the path is percent-encoded' })
  @ApiOkResponse({ standardSchema: settingsLevelSchema })
  getGroup(
    @From() { scope }: Caller,
    @Param({ schema: groupParams }) { path }: { path: string },
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.read(reply, scope, { scope: 'group', path });
  }

  @Requires('operator')
  @Patch('groups/:path/settings')
  @ApiConsumes(mergePatchType, 'application/json')
  @ApiOperation({ summary: 'Change a group’s level by a JSON merge patch' })
  @ApiOkResponse({ standardSchema: settingsChangedSchema })
  patchGroup(
    @From() caller: Caller,
    @Param({ schema: groupParams }) { path }: { path: string },
    @Body({ schema: mergePatchBody }) patch: JsonObject,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.writer.run(request, reply, (write) =>
      changeSettings(write, caller, { scope: 'group', path }, patch, ifMatch),
    );
  }

  @Requires('viewer')
  @Get('clients/:id/settings')
  @ApiOperation({ summary: 'What a client’s own level sets' })
  @ApiOkResponse({ standardSchema: settingsLevelSchema })
  getClient(
    @From() { scope }: Caller,
    @Param({ schema: clientParams }) { id }: { id: string },
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.read(reply, scope, { scope: 'client', id });
  }

  @Requires('operator')
  @Patch('clients/:id/settings')
  @ApiConsumes(mergePatchType, 'application/json')
  @ApiOperation({ summary: 'Change a client’s own level by a JSON merge patch' })
  @ApiOkResponse({ standardSchema: settingsChangedSchema })
  patchClient(
    @From() caller: Caller,
    @Param({ schema: clientParams }) { id }: { id: string },
    @Body({ schema: mergePatchBody }) patch: JsonObject,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.writer.run(request, reply, (write) =>
      changeSettings(write, caller, { scope: 'client', id }, patch, ifMatch),
    );
  }

  @Requires('viewer')
  @Get('clients/:id/settings/effective')
  @ApiOperation({ summary: 'What applies to a client, each key with the level that set it (R20)' })
  @ApiOkResponse({ standardSchema: effectiveSettingsSchema })
  async getEffective(@From() { scope }: Caller, @Param({ schema: clientParams }) { id }: { id: string }) {
    const { db } = this.context;
    const { group } = await findRegistered(db, scope, id);
    const levels = await readChain(db, group, id);
    const [row] = await db<{ revision: string }[]>`
      SELECT revision::text AS revision FROM effective_revision WHERE client_id = ${id}`;
    return { revision: row?.revision ?? '0', ...effectiveSettings(levels) };
  }

  private async read(reply: FastifyReply, scope: Scope, level: SettingsLevel) {
    await assertVisible(this.context.db, scope, level);
    const { headers, body } = answerLevel(await readLevel(this.context.db, level));
    void reply.headers(headers ?? {});
    return body;
  }
}
