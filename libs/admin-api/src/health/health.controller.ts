import { Controller, Get, Header, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { readinessSchema } from '#contracts';
import { Public, Requires } from '../access/requires.js';
import { type ApiContext, Context } from '../context.js';
import { metricsRequirement } from './requirement.js';
import { readReadiness } from './readiness.js';

@ApiTags('health')
@Controller()
export class HealthController {
  constructor(@Context() private readonly context: ApiContext) {}

  @Public()
  @Get('healthz')
  @ApiOperation({ summary: 'Whether the process lives' })
  alive() {
    return { status: 'ok' };
  }

  @Public()
  @Get('readyz')
  @ApiOperation({ summary: 'Whether it can do its work; if not, 503 and why' })
  @ApiOkResponse({ standardSchema: readinessSchema })
  @ApiServiceUnavailableResponse({ standardSchema: readinessSchema })
  async ready(@Res({ passthrough: true }) reply: FastifyReply) {
    const readiness = await readReadiness(this.context.checks);
    void reply.status(readiness.status === 'ready' ? 200 : 503);
    return readiness;
  }

  @Requires(metricsRequirement.role, metricsRequirement)
  @Get('metrics')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'What this process has done and sees, for Prometheus' })
  @ApiProduces('text/plain')
  @ApiOkResponse({ schema: { type: 'string' } })
  async metrics(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const { contentType, read } = this.context.metrics;
    void reply.header('Content-Type', contentType);
    return read();
  }
}
