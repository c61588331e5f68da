import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { asOfQuery, type FleetHistoryQuery, fleetHistoryQuery, fleetHistorySchema, fleetSchema } from '#contracts';
import type { Queryable } from '#event-log';
import { countFleet, countGroup } from '#projections';
import { type Caller, From } from '../access/caller.js';
import { Requires } from '../access/requires.js';
import type { Scope } from '../access/scope.js';
import { type ApiContext, Context } from '../context.js';
import { countFleetNow } from '../counts/count-fleet.js';
import { untilCounted } from '../counts/until-counted.js';
import { notAfterNow, untilHistoryIsThere } from '../past.js';
import { askIngest } from '#intake';
import { historyTimes } from './history-times.js';

/** The past of a group is that of the clients that are in it now, or were when they were removed. */
const countStatuses = (db: Queryable, scope: Scope, times: readonly Date[]) =>
  scope.isFleet ? countFleet(db, times) : countGroup(db, scope.group, times);

@ApiTags('fleet')
@Controller('v1/fleet')
export class FleetController {
  constructor(@Context() private readonly context: ApiContext) {}

  @Requires('viewer')
  @Get()
  @ApiOperation({ summary: 'The whole fleet in numbers, now or at a time (G2)' })
  @ApiOkResponse({ standardSchema: fleetSchema })
  async get(@From() { scope }: Caller, @Query({ schema: asOfQuery }) { asOf }: { asOf?: string }) {
    if (asOf !== undefined) {
      await untilHistoryIsThere(this.context);
      const at = notAfterNow(asOf);
      const [counted] = await countStatuses(this.context.db, scope, [at]);
      return { total: counted?.total, byStatus: counted?.byStatus, undelivered: null, ingest: null, asOf: at };
    }
    await untilCounted(this.context);
    const [counted, ingest] = await Promise.all([
      countFleetNow(this.context.db, scope),
      scope.isFleet ? askIngest(this.context) : undefined,
    ]);
    return { ...counted, ingest: ingest ?? null, asOf: new Date() };
  }

  @Requires('viewer')
  @Get('history')
  @ApiOperation({ summary: 'How many clients had each status, over time; exact at each of the times (G2)' })
  @ApiOkResponse({ standardSchema: fleetHistorySchema })
  async history(@From() { scope }: Caller, @Query({ schema: fleetHistoryQuery }) query: FleetHistoryQuery) {
    const times = historyTimes(query);
    await untilHistoryIsThere(this.context);
    return { items: await countStatuses(this.context.db, scope, times), nextCursor: null };
  }
}
