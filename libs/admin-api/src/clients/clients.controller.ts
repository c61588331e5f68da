import { Controller, Delete, Get, HttpCode, Param, Patch, Query, Req, Res, Body } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  asOfQuery,
  type ClientListQuery,
  clientEventListSchema,
  clientEventsQuery,
  clientListQuery,
  clientListSchema,
  type ClientPatch,
  clientParams,
  clientPatch,
  clientSchema,
  pageQuery,
  queueQuery,
  queueSchema,
  ReachbackError,
  statusAtSchema,
  transitionListSchema,
} from '#contracts';
import { revoke } from '#enrolment';
import type { Queryable } from '#event-log';
import { firstSeen, statusAt } from '#projections';
import { type Caller, From } from '../access/caller.js';
import { Requires } from '../access/requires.js';
import type { Scope } from '../access/scope.js';
import { type ApiContext, Context } from '../context.js';
import { notAfterNow, untilHistoryIsThere } from '../past.js';
import { decodePosition, pageOf } from '../paging.js';
import { checkMove } from '../settings/levels.js';
import { Writer } from '../writes/writer.js';
import { findKnown, findRegistered } from './find-client.js';
import { readQueue } from './queue.js';
import { readClientEvents } from './read-events.js';
import { findClient, listClients } from './select-clients.js';

type Id = { readonly id: string };
type Page = { readonly limit: number; readonly cursor?: string };

@ApiTags('clients')
@Controller('v1/clients')
export class ClientsController {
  constructor(
    @Context() private readonly context: ApiContext,
    private readonly writer: Writer,
  ) {}

  @Requires('viewer')
  @Get()
  @ApiOperation({ summary: 'Clients that pass the filters' })
  @ApiOkResponse({ standardSchema: clientListSchema })
  list(@From() { scope }: Caller, @Query({ schema: clientListQuery }) query: ClientListQuery) {
    return listClients(this.context, scope, query);
  }

  @Requires('viewer')
  @Get(':id')
  @ApiOperation({ summary: 'One client, or with `asOf` its status at a time (G2)' })
  @ApiOkResponse({ standardSchema: clientSchema.or(statusAtSchema) })
  async get(
    @From() { scope }: Caller,
    @Param({ schema: clientParams }) { id }: Id,
    @Query({ schema: asOfQuery }) { asOf }: { asOf?: string },
  ) {
    if (asOf !== undefined) return this.statusAt(scope, id, asOf);
    const client = await findClient(this.context, scope, id);
    if (!client) throw new ReachbackError('not_registered');
    return client;
  }

  private async statusAt(scope: Scope, id: string, asOf: string) {
    const { db } = this.context;
    await findKnown(db, scope, id);
    await untilHistoryIsThere(this.context);
    const at = notAfterNow(asOf);
    const known = await statusAt(db, id, at);
    if (known) return { id, ...known, asOf: at };
    const first = await firstSeen(db, id);
    if (!first) throw new ReachbackError('not_registered');
    const [then, later] = [at, first].map((time) => time.toISOString());
    throw new ReachbackError(
      'not_registered',
      `No client had this id at ${then}; the first one registered at ${later}.`,
    );
  }

  @Requires('operator')
  @Patch(':id')
  @ApiOperation({ summary: 'Change the name, the group or the labels of a client' })
  @ApiOkResponse({ standardSchema: clientSchema })
  async edit(
    @From() caller: Caller,
    @Param({ schema: clientParams }) { id }: Id,
    @Body({ schema: clientPatch }) patch: ClientPatch,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    await this.writer.run(request, reply, async ({ tx, append }) => {
      await findRegistered(tx, caller.scope, id);
      const before = await readEdited(tx, id);
      if (patch.group !== undefined) {
        caller.scope.assertCovers(patch.group, 'group');
        await checkMove(tx, [id], patch.group);
      }
      await append({ type: 'client-edited', client: id, data: patch }, pick(before, patch));
      return {};
    });
    return this.get(caller, { id }, {});
  }

  @Requires('admin')
  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove a client, as uninstalled by an administrator, and revoke its credential (R7)' })
  @ApiNoContentResponse()
  async remove(
    @From() { scope }: Caller,
    @Param({ schema: clientParams }) { id }: Id,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    await this.writer.run(request, reply, async ({ tx, append }) => {
      await findRegistered(tx, scope, id);
      const before = await readEdited(tx, id);
      await append({ type: 'client-removed', client: id, data: { cause: 'uninstalled', by: 'administrator' } }, before);
      await revoke({ tx, append }, id, 'removed');
      return { status: 204 };
    });
    void this.context.enrolment?.revocations.push();
  }

  @Requires('viewer')
  @Get(':id/history')
  @ApiOperation({ summary: 'Every transition with its cause, newest first; of removed clients too (G2)' })
  @ApiOkResponse({ standardSchema: transitionListSchema })
  async history(
    @From() { scope }: Caller,
    @Param({ schema: clientParams }) { id }: Id,
    @Query({ schema: pageQuery }) { limit, cursor }: Page,
  ) {
    const { db } = this.context;
    await findKnown(db, scope, id);
    const rows = await db<{ at: Date; status: string; cause: string; position: string }[]>`
      SELECT data->>'at' AS at, data->>'status' AS status, data->>'cause' AS cause, position::text AS position
      FROM event
      WHERE client_id = ${id} AND type = 'client-status-changed'
        ${cursor === undefined ? db`` : db`AND position < ${decodePosition(cursor)}`}
      ORDER BY event.position DESC LIMIT ${limit + 1}`;
    return pageOf(rows, limit, (row) => [row.position]);
  }

  @Requires('viewer')
  @Get(':id/events')
  @ApiOperation({ summary: 'Its part of the log, newest first: all facts, and its contacts in a time range' })
  @ApiOkResponse({ standardSchema: clientEventListSchema })
  async events(
    @From() { scope }: Caller,
    @Param({ schema: clientParams }) { id }: Id,
    @Query({ schema: clientEventsQuery }) query: Page & { from?: string; to?: string },
  ) {
    const place = await findKnown(this.context.db, scope, id);
    const { from, to, limit, cursor } = query;
    const before = cursor === undefined ? undefined : decodePosition(cursor);
    return readClientEvents(this.context, place, { from, to, limit, before });
  }

  @Requires('viewer')
  @Get(':id/queue')
  @ApiOperation({ summary: 'What it has not yet received or confirmed; with `all=true` the finished too' })
  @ApiOkResponse({ standardSchema: queueSchema })
  async queue(
    @From() { scope }: Caller,
    @Param({ schema: clientParams }) { id }: Id,
    @Query({ schema: queueQuery }) { all = false }: { all?: boolean },
  ) {
    await findRegistered(this.context.db, scope, id);
    return { items: await readQueue(this.context.db, id, all), nextCursor: null };
  }
}

type Edited = Required<ClientPatch>;

/** What an administrator may have set of a client, as it is now. @throws {ReachbackError} `not_registered` */
const readEdited = async (db: Queryable, id: string): Promise<Edited> => {
  const [row] = await db<Edited[]>`
    SELECT name, group_path AS "group", labels FROM client WHERE id = ${id} AND removed_at IS NULL`;
  if (!row) throw new ReachbackError('not_registered');
  return row;
};

/** The part of it that a patch changes. */
const pick = (before: Edited, patch: ClientPatch): Partial<Edited> =>
  Object.fromEntries(Object.entries(before).filter(([key]) => key in patch));
