import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { ApiContext } from './context.js';
import { privateHeaders } from './http/security-headers.js';

export const requestIdHeader = 'x-request-id';
const requestIdPattern = /^[\w.:/+=@-]{1,128}$/;

/** The id that a request came with, if it can be one; else a new one. */
export const requestIdOf = (headers: IncomingHttpHeaders): string => {
  const given = headers[requestIdHeader];
  return typeof given === 'string' && requestIdPattern.test(given) ? given : randomUUID();
};

/** Gives every answer the id of its request, counts it, and writes a line about it. */
export const watchRequests = (app: NestFastifyApplication, { log, observer }: ApiContext): void => {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onRequest', async (request, reply) => {
    void reply.header(requestIdHeader, request.id);
    if (request.url.startsWith('/v1/')) void reply.headers(privateHeaders);
  });
  fastify.addHook('onResponse', async ({ id, method, url, routeOptions }, { statusCode: status, elapsedTime }) => {
    const seconds = elapsedTime / 1000;
    observer.answered({ method, route: routeOptions.url ?? 'none', status, seconds });
    if (log.isLevelEnabled('debug')) log.debug({ correlation: id, method, url, status, seconds }, 'request answered');
  });
};
