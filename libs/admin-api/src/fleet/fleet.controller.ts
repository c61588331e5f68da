import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  asOfQuery,
  type FleetHistoryQuery,
  fleetHistoryQuery,
  fleetHistorySchema,
  fleetSchema,
  type Status,
  statuses,
} from '#contracts';
import { countFleet } from '#projections';
import { type ApiContext, Context } from '../context.js';
import { notAfterNow, untilHistoryIsThere } from '../past.js';
import { askIngest } from '../presence-owner.js';
import { historyTimes } from './history-times.js';

type Counted = { readonly status: Status; readonly clients: number };

@ApiTags('fleet')
@Controller('v1/fleet')
export class FleetController {
  constructor(@Context() private readonly context: ApiContext) {}

  @Get()
  @ApiOperation({ summary: 'The whole fleet in numbers, now or at a time (G2)' })
  @ApiOkResponse({ standardSchema: fleetSchema })
  async get(@Query({ schema: asOfQuery }) { asOf }: { asOf?: string }) {
    if (asOf !== undefined) {
      await untilHistoryIsThere(this.context);
      const at = notAfterNow(asOf);
      const [counted] = await countFleet(this.context.db, [at]);
      return { total: counted?.total, byStatus: counted?.byStatus, undelivered: null, ingest: null, asOf: at };
    }
    const { db } = this.context;
    const [counted, [undelivered], ingest] = await Promise.all([
      db<Counted[]>`
        SELECT coalesce(p.status, 'Offline') AS status, count(*)::integer AS clients
        FROM client c LEFT JOIN presence p ON p.client_id = c.id
        WHERE c.removed_at IS NULL GROUP BY 1`,
      db<{ clients: number; items: number }[]>`
        SELECT count(DISTINCT client_id)::integer AS clients, count(*)::integer AS items FROM undelivered_work`,
      askIngest(this.context),
    ]);
    return { ...summary(counted), undelivered, ingest: ingest ?? null, asOf: new Date() };
  }

  @Get('history')
  @ApiOperation({ summary: 'How many clients had each status, over time; exact at each of the times (G2)' })
  @ApiOkResponse({ standardSchema: fleetHistorySchema })
  async history(@Query({ schema: fleetHistoryQuery }) query: FleetHistoryQuery) {
    const times = historyTimes(query);
    await untilHistoryIsThere(this.context);
    return { items: await countFleet(this.context.db, times), nextCursor: null };
  }
}

const summary = (counted: readonly Counted[]) => ({
  total: counted.reduce((sum, { clients }) => sum + clients, 0),
  byStatus: Object.fromEntries(
    statuses.map((status) => [status, counted.find((row) => row.status === status)?.clients ?? 0]),
  ),
});
