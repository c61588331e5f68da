import { Controller, Get, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { readinessSchema } from '#contracts';
import { Public } from '../access/bearer-guard.js';
import { type ApiContext, Context } from '../context.js';

const checkTimeout = 2_000;

@ApiTags('health')
@Public()
@Controller()
export class HealthController {
  constructor(@Context() private readonly context: ApiContext) {}

  @Get('healthz')
  @ApiOperation({ summary: 'Whether the process lives' })
  alive() {
    return { status: 'ok' };
  }

  @Get('readyz')
  @ApiOperation({ summary: 'Whether it can do its work; if not, 503 and what is away' })
  @ApiOkResponse({ standardSchema: readinessSchema })
  async ready(@Res({ passthrough: true }) reply: FastifyReply) {
    const entries = await Promise.all(
      Object.entries(this.context.checks).map(async ([name, check]) => [name, await withTimeout(check)] as const),
    );
    const isReady = entries.every(([, state]) => state === 'up');
    void reply.status(isReady ? 200 : 503);
    return { status: isReady ? 'ready' : 'not-ready', checks: Object.fromEntries(entries) };
  }
}

const withTimeout = (check: () => Promise<string>): Promise<string> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve('does not answer'), checkTimeout);
    check()
      .catch((error: unknown) => String(error))
      .then((state) => {
        clearTimeout(timer);
        resolve(state);
      }, resolve);
  });
