import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { asOfQuery, type FleetHistoryQuery, fleetHistoryQuery, fleetHistorySchema, fleetSchema } from '#contracts';
import { countFleet } from '#projections';
import { type ApiContext, Context } from '../context.js';
import { countFleetNow } from '../counts/count-fleet.js';
import { notAfterNow, untilHistoryIsThere } from '../past.js';
import { askIngest } from '../presence-owner.js';
import { historyTimes } from './history-times.js';

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
    const [counted, ingest] = await Promise.all([countFleetNow(this.context.db), askIngest(this.context)]);
    return { ...counted, ingest: ingest ?? null, asOf: new Date() };
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
