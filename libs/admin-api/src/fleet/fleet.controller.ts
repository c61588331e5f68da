import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { asOfQuery, fleetSchema, type Status, statuses } from '#contracts';
import { type ApiContext, Context } from '../context.js';
import { askOwner } from '../presence-owner.js';

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
      const at = new Date(asOf);
      return { ...summary(await this.countAt(at)), undelivered: null, ingest: null, asOf: at };
    }
    const { db } = this.context;
    const [counted, [undelivered], owner] = await Promise.all([
      db<Counted[]>`
        SELECT coalesce(p.status, 'Offline') AS status, count(*)::integer AS clients
        FROM client c LEFT JOIN presence p ON p.client_id = c.id
        WHERE c.removed_at IS NULL GROUP BY 1`,
      db<{ clients: number; items: number }[]>`
        SELECT count(DISTINCT client_id)::integer AS clients, count(*)::integer AS items FROM undelivered_work`,
      askOwner(this.context, []),
    ]);
    const ingest = owner ? { lagSeconds: owner.lagSeconds, perSecond: owner.perSecond } : null;
    return { ...summary(counted), undelivered, ingest, asOf: new Date() };
  }

  private countAt(at: Date) {
    return this.context.db<Counted[]>`
      SELECT status, count(*)::integer AS clients
      FROM (
        SELECT DISTINCT ON (client_id) status, cause FROM status_history
        WHERE at <= ${at} ORDER BY client_id, position DESC
      ) last
      WHERE cause NOT IN ('uninstalled', 'inactive') GROUP BY 1`;
  }
}

const summary = (counted: readonly Counted[]) => ({
  total: counted.reduce((sum, { clients }) => sum + clients, 0),
  byStatus: Object.fromEntries(
    statuses.map((status) => [status, counted.find((row) => row.status === status)?.clients ?? 0]),
  ),
});
