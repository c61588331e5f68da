import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { laneListSchema } from '#contracts';
import { Requires } from './access/requires.js';
import { type ApiContext, Context } from './context.js';
import { askOwner } from '#intake';

type LaneState = {
  readonly lane: number;
  readonly owner: string | null;
  readonly since: Date | null;
  readonly clients: number;
  readonly epoch: number;
  readonly sequence: string;
  readonly readAt: Date | null;
};

@ApiTags('log')
@Controller('v1/lanes')
export class LanesController {
  constructor(@Context() private readonly context: ApiContext) {}

  @Requires('viewer', { fleet: true })
  @Get()
  @ApiOperation({
    summary: 'The lanes that the fleet is divided into: which server reads each, and how far it has come',
  })
  @ApiOkResponse({ standardSchema: laneListSchema })
  async list() {
    const lanes = await this.context.db<LaneState[]>`
      SELECT l.id AS lane, p.name AS owner, l.owner_since AS since, l.clients, l.source_epoch AS epoch,
             l.source_seq::text AS sequence,
             CASE WHEN l.source_time > 0 THEN to_timestamp(l.source_time / 1e9) END AS "readAt"
      FROM lane l LEFT JOIN intake_process p ON p.id = l.owner ORDER BY l.id`;
    const items = await Promise.all(
      lanes.map(async (lane) => {
        const answer = await askOwner(this.context, lane.lane);
        return { ...lane, lagSeconds: answer?.lagSeconds ?? null, perSecond: answer?.perSecond ?? null };
      }),
    );
    return { items, nextCursor: null };
  }
}
