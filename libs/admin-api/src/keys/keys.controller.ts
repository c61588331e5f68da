import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  type AdminKeyBody,
  adminKeyBody,
  adminKeyChangedSchema,
  adminKeyCreatedSchema,
  adminKeyListQuery,
  adminKeyListSchema,
  adminKeyParams,
  type AdminKeyPatch,
  adminKeyPatch,
  adminKeySchema,
  type HeldWorkQuery,
  heldWorkQuery,
} from '#contracts';
import { Requires } from '../access/requires.js';
import { hashKey, newKey } from '../access/secrets.js';
import { type ApiContext, Context } from '../context.js';
import { decodeCursor, pageOf } from '../paging.js';
import { Writer } from '../writes/writer.js';
import { changeKey, createKey, revokeKey } from './change-keys.js';
import { findKey, listKeys } from './select-keys.js';

type Id = { readonly id: string };
type ListQuery = { readonly revoked?: boolean; readonly limit: number; readonly cursor?: string };

@ApiTags('keys')
@Controller('v1/keys')
export class KeysController {
  constructor(
    @Context() private readonly context: ApiContext,
    private readonly writer: Writer,
  ) {}

  @Requires('admin', { fleet: true })
  @Get()
  @ApiOperation({ summary: 'Administrators’ keys, by id; never what they are told by' })
  @ApiOkResponse({ standardSchema: adminKeyListSchema })
  async list(@Query({ schema: adminKeyListQuery }) { revoked = false, limit, cursor }: ListQuery) {
    const after = cursor === undefined ? '' : (decodeCursor(cursor, 1)[0] ?? '');
    const rows = await listKeys(this.context.db, { revoked, after, limit: limit + 1 });
    return pageOf(rows, limit, ({ id }) => [id]);
  }

  @Requires('admin', { fleet: true })
  @Post()
  @HttpCode(201)
  @ApiOperation({ summary: 'Make a key; it is shown in this answer and never again' })
  @ApiCreatedResponse({ standardSchema: adminKeyCreatedSchema })
  async create(
    @Body({ schema: adminKeyBody }) body: AdminKeyBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { id, key } = newKey();
    // Before the transaction, for it takes long.
    const hash = await hashKey(key);
    let made: string | null = null;
    const answer = await this.writer.run(request, reply, async (write) => {
      const created = await createKey(write, { id, hash }, body);
      made = key;
      return { status: 201, headers: { Location: `/v1/keys/${id}` }, body: created };
    });
    // Not in the writer's answer, which is stored where the request has an Idempotency-Key.
    return { ...(answer as object), key: made };
  }

  @Requires('admin', { fleet: true })
  @Get(':id')
  @ApiOperation({ summary: 'A key: whose it is, what it may do, and when it was used last' })
  @ApiOkResponse({ standardSchema: adminKeySchema })
  get(@Param({ schema: adminKeyParams }) { id }: Id) {
    return findKey(this.context.db, id);
  }

  @Requires('admin', { fleet: true })
  @Patch(':id')
  @ApiOperation({ summary: 'Change a key; settings and releases that it may not queue any more are held' })
  @ApiOkResponse({ standardSchema: adminKeyChangedSchema })
  change(
    @Param({ schema: adminKeyParams }) { id }: Id,
    @Query({ schema: heldWorkQuery }) { work }: HeldWorkQuery,
    @Body({ schema: adminKeyPatch }) patch: AdminKeyPatch,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.writer.run(request, reply, async (write) => ({
      body: await changeKey(write, id, patch, work === 'keep'),
    }));
  }

  @Requires('admin', { fleet: true })
  @Delete(':id')
  @ApiOperation({ summary: 'Revoke a key at once and for good; settings and releases that it has queued are held' })
  @ApiOkResponse({ standardSchema: adminKeyChangedSchema })
  revoke(
    @Param({ schema: adminKeyParams }) { id }: Id,
    @Query({ schema: heldWorkQuery }) { work }: HeldWorkQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.writer.run(request, reply, async (write) => ({ body: await revokeKey(write, id, work === 'keep') }));
  }
}
