import { Body, Controller, Get, Put, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isDeepStrictEqual } from 'node:util';
import { type Network, networksBody, ReachbackError } from '#contracts';
import { parseRange } from '#domain';
import type { Queryable } from '#event-log';
import { Requires } from '../access/requires.js';
import { type ApiContext, Context } from '../context.js';
import { Writer } from '../writes/writer.js';

@ApiTags('networks')
@Controller('v1/networks')
export class NetworksController {
  constructor(
    @Context() private readonly context: ApiContext,
    private readonly writer: Writer,
  ) {}

  @Requires('viewer', { fleet: true })
  @Get()
  @ApiOperation({ summary: 'The networks whose machines cannot be dialled (R1)' })
  @ApiOkResponse({ standardSchema: networksBody })
  get() {
    return read(this.context.db);
  }

  @Requires('admin', { fleet: true })
  @Put()
  @ApiOperation({ summary: 'Replace the networks; clients are classified anew at once (R1)' })
  @ApiOkResponse({ standardSchema: networksBody })
  replace(
    @Body({ schema: networksBody }) networks: Network[],
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    networks.forEach(({ ranges }, i) => ranges.forEach((range, j) => assertRange(range, `${i}.ranges.${j}`)));
    return this.writer.run(request, reply, async ({ tx, append }) => {
      const before = await read(tx);
      if (!isDeepStrictEqual(networks, before)) {
        await append({ type: 'networks-changed', client: null, data: { networks } }, before);
      }
      return { body: networks };
    });
  }
}

const read = async (db: Queryable): Promise<readonly Network[]> => {
  const [row] = await db<{ networks: Network[] }[]>`SELECT networks FROM network_set`;
  return row?.networks ?? [];
};

const assertRange = (range: string, field: string): void => {
  try {
    parseRange(range);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ReachbackError('bad_request', `${field}: ${error.message}`, undefined, field);
  }
};
