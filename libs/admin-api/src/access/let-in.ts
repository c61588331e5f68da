import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { ApiContext } from '../context.js';
import { addressOf } from './address.js';
import { assertAllowed } from './allowed.js';
import { setCaller } from './caller.js';

/**
 * Lets requests in whose bearer token has the role that the route states. It is asked before a byte of the body is read:
 * whoever may not use a route learns that and nothing else, and has nothing of his parsed.
 */
export const letIn = (app: NestFastifyApplication, { access }: Pick<ApiContext, 'access'>): void => {
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', async (request) => {
      const { requires = 'none' } = request.routeOptions.config;
      if (requires === 'none') return;
      const caller = await access.callerOf(request.headers.authorization, addressOf(request));
      assertAllowed(caller, requires);
      setCaller(request, caller);
    });
};
