import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ReachbackError } from '#contracts';

/**
 * Answers a method that a path does not have with 405 and those that it has. Paths are collected as they are routed, so
 * what this returns is called when all are.
 */
export const collectMethods = (app: NestFastifyApplication): (() => void) => {
  const fastify = app.getHttpAdapter().getInstance();
  const paths = new Map<string, Set<string>>();
  fastify.addHook('onRoute', ({ url, method }) => {
    const methods = paths.get(url) ?? new Set();
    for (const one of [method].flat()) methods.add(one);
    paths.set(url, methods);
  });
  return () => {
    for (const [url, has] of [...paths].filter(([url]) => !url.includes('*'))) {
      const allow = [...has].sort().join(', ');
      fastify.route({
        url,
        method: fastify.supportedMethods.filter((method) => !has.has(method)),
        exposeHeadRoute: false,
        onRequest: async (_request, reply) => {
          void reply.header('Allow', allow);
          throw new ReachbackError('method_not_allowed', `Here are ${allow}.`);
        },
        handler: () => undefined,
      });
    }
  };
};
