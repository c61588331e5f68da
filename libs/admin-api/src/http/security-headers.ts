import helmet from '@fastify/helmet';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

/**
 * Tells browsers what an answer may do: nothing, but for the page of /docs, which loads its own scripts and styles and
 * asks this server. It is served without TLS too, where browsers must not ask for it over TLS instead; whoever ends TLS
 * in front says that (HSTS).
 */
export const secureHeaders = async (app: NestFastifyApplication): Promise<void> => {
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

/** What is about somebody's fleet is kept by no cache on the way. */
export const privateHeaders = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' } as const;
