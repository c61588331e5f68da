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
import type { Queryable } from '#event-log';
import { firstSeen, statusAt } from '#projections';
import { type ApiContext, Context } from '../context.js';
import { notAfterNow, untilHistoryIsThere } from '../past.js';
import { decodePosition, pageOf } from '../paging.js';
import { checkMove } from '../settings/levels.js';
import { Writer } from '../writes/writer.js';
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

  @Get()
  @ApiOperation({ summary: 'Clients that pass the filters' })
  @ApiOkResponse({ standardSchema: clientListSchema })
  list(@Query({ schema: clientListQuery }) query: ClientListQuery) {
    return listClients(this.context, query);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One client, or with `asOf` its status at a time (G2)' })
  @ApiOkResponse({ standardSchema: clientSchema.or(statusAtSchema) })
  async get(@Param({ schema: clientParams }) { id }: Id, @Query({ schema: asOfQuery }) { asOf }: { asOf?: string }) {
    if (asOf !== undefined) return this.statusAt(id, asOf);
    const client = await findClient(this.context, id);
    if (!client) throw new ReachbackError('not_registered');
    return client;
  }

  private async statusAt(id: string, asOf: string) {
    const { db } = this.context;
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

  @Patch(':id')
  @ApiOperation({ summary: 'Change the name, the group or the labels of a client' })
  @ApiOkResponse({ standardSchema: clientSchema })
  async edit(
    @Param({ schema: clientParams }) { id }: Id,
    @Body({ schema: clientPatch }) patch: ClientPatch,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    await this.writer.run(request, reply, async ({ tx, append }) => {
      const before = await readEdited(tx, id);
      if (patch.group !== undefined) await checkMove(tx, [id], patch.group);
      await append({ type: 'client-edited', client: id, data: patch }, pick(before, patch));
      return {};
    });
    return this.get({ id }, {});
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove a client, as uninstalled by an administrator (R7)' })
  @ApiNoContentResponse()
  async remove(
    @Param({ schema: clientParams }) { id }: Id,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    await this.writer.run(request, reply, async ({ tx, append }) => {
      const before = await readEdited(tx, id);
      await append({ type: 'client-removed', client: id, data: { cause: 'uninstalled', by: 'administrator' } }, before);
      return { status: 204 };
    });
  }

  @Get(':id/history')
  @ApiOperation({ summary: 'Every transition with its cause, newest first; of removed clients too (G2)' })
  @ApiOkResponse({ standardSchema: transitionListSchema })
  async history(@Param({ schema: clientParams }) { id }: Id, @Query({ schema: pageQuery }) { limit, cursor }: Page) {
    const { db } = this.context;
    await placeOf(db, id);
    const rows = await db<{ at: Date; status: string; cause: string; position: string }[]>`
      SELECT data->>'at' AS at, data->>'status' AS status, data->>'cause' AS cause, position::text AS position
      FROM event
      WHERE client_id = ${id} AND type = 'client-status-changed'
        ${cursor === undefined ? db`` : db`AND position < ${decodePosition(cursor)}`}
      ORDER BY event.position DESC LIMIT ${limit + 1}`;
    return pageOf(rows, limit, (row) => [row.position]);
  }

  @Get(':id/events')
  @ApiOperation({ summary: 'Its part of the log, newest first: all facts, and its contacts in a time range' })
  @ApiOkResponse({ standardSchema: clientEventListSchema })
  async events(
    @Param({ schema: clientParams }) { id }: Id,
    @Query({ schema: clientEventsQuery }) query: Page & { from?: string; to?: string },
  ) {
    const place = await placeOf(this.context.db, id);
    const { from, to, limit, cursor } = query;
    const before = cursor === undefined ? undefined : decodePosition(cursor);
    return readClientEvents(this.context, { id, ...place }, { from, to, limit, before });
  }

  @Get(':id/queue')
  @ApiOperation({ summary: 'What it has not yet received or confirmed; with `all=true` the finished too' })
  @ApiOkResponse({ standardSchema: queueSchema })
  async queue(
    @Param({ schema: clientParams }) { id }: Id,
    @Query({ schema: queueQuery }) { all = false }: { all?: boolean },
  ) {
    await assertRegistered(this.context.db, id);
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

const assertRegistered = async (db: Queryable, id: string): Promise<void> => {
  const [row] = await db`SELECT FROM client WHERE id = ${id} AND removed_at IS NULL`;
  if (!row) throw new ReachbackError('not_registered');
};

/** The lane of a client and its ordinal there, of a removed one too: its history stays readable (R7). */
const placeOf = async (db: Queryable, id: string): Promise<{ readonly lane: number; readonly ordinal: number }> => {
  const [row] = await db<{ lane: number; ordinal: number }[]>`SELECT lane, ordinal FROM client WHERE id = ${id}`;
  if (!row) throw new ReachbackError('not_registered');
  return row;
};
