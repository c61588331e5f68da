import helmet from '@fastify/helmet';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

/**
 * Tells browsers what an answer may do: nothing, but for the page of /docs, which loads its own scripts and styles and
 * asks this server; and with TLS, never to ask without it.
 */
export const secureHeaders = async (app: NestFastifyApplication, hasTls: boolean): Promise<void> => {
  if (hasTls) forbidPlain(app);
  await app.register(helmet, {
    strictTransportSecurity: false,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    xFrameOptions: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
  });
};

/**
 * Browsers keep this for a year, for a host on all its ports. `localhost` is everybody's on a machine, so it is not said
 * there: other servers on it have no TLS. Helmet says it everywhere or nowhere.
 */
const forbidPlain = (app: NestFastifyApplication): void => {
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', async ({ hostname }, reply) => {
      if (!/(^|\.)localhost$/.test(hostname)) void reply.header('Strict-Transport-Security', 'max-age=31536000');
    });
};

/** What is about somebody's fleet is kept by no cache on the way. */
export const privateHeaders = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' } as const;
