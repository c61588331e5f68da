import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { auditHeadSchema, auditListSchema, type AuditQuery, auditQuery, ReachbackError } from '#contracts';
import { isFactType, readChainHead } from '#event-log';
import { Requires } from '../access/requires.js';
import { type ApiContext, Context } from '../context.js';
import { selectActs } from './select-acts.js';

@ApiTags('log')
@Controller('v1/audit')
export class AuditController {
  constructor(@Context() private readonly context: ApiContext) {}

  @Get()
  @Requires('admin', { fleet: true })
  @ApiOperation({ summary: 'What administrators did, newest first: who, from where, when, what, and what it replaced' })
  @ApiOkResponse({ standardSchema: auditListSchema })
  list(@Query({ schema: auditQuery }) query: AuditQuery) {
    if (query.type !== undefined && !isFactType(query.type)) {
      throw new ReachbackError('bad_request', `type: there are no facts of the type ${query.type}`, undefined, 'type');
    }
    return selectActs(this.context.db, query);
  }

  @Get('head')
  @Requires('admin', { fleet: true })
  @ApiOperation({
    summary: 'Where the chain of hashes over the log ends; kept elsewhere, it shows later that nothing was rewritten',
  })
  @ApiOkResponse({ standardSchema: auditHeadSchema })
  async head() {
    const { position, hash, start } = await readChainHead(this.context.db);
    return { position: String(position), hash: hash.toString('hex'), chainStart: String(start), at: new Date() };
  }
}
