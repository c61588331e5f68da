import { Module } from '@nestjs/common';
import { APP_FILTER, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import { assertStorable, errorCatalogue } from '#contracts';
import { AuditController } from './audit/audit.controller.js';
import { isAmong } from './access/address.js';
import { letIn } from './access/let-in.js';
import { ClientsController } from './clients/clients.controller.js';
import { type ApiContext, apiContext } from './context.js';
import { asyncApiDocument } from './documents/asyncapi.js';
import { CopiesController } from './copies/copies.controller.js';
import { publishOpenApi } from './documents/openapi.js';
import { CredentialsController } from './enrolment/credentials.controller.js';
import { EnrolmentsController } from './enrolment/enrolments.controller.js';
import { TokensController } from './enrolment/tokens.controller.js';
import { EventsController } from './events/events.controller.js';
import { FleetController } from './fleet/fleet.controller.js';
import { GroupsController } from './groups/groups.controller.js';
import { HealthController } from './health/health.controller.js';
import { answerClientError } from './http/client-errors.js';
import { httpLimits, ignoreExpectations, limitConnections } from './http/limits.js';
import { collectMethods } from './http/other-methods.js';
import { secureHeaders } from './http/security-headers.js';
import { createWebServer, type HttpTls } from './http/web-server.js';
import { KeysController } from './keys/keys.controller.js';
import { LanesController } from './lanes.controller.js';
import { NetworksController } from './networks/networks.controller.js';
import { answerFrameworkError, ProblemFilter } from './problems/problem-filter.js';
import { ValidationPipe } from './problems/validation.js';
import { requestIdOf, watchRequests } from './request-log.js';
import { ReleasesController } from './releases/releases.controller.js';
import { SettingsController } from './settings/settings.controller.js';
import { StorageController } from './storage/storage.controller.js';
import { VerificationsController } from './verifications/verifications.controller.js';
import { Writer } from './writes/writer.js';

const controllers = [
  ClientsController,
  CopiesController,
  CredentialsController,
  TokensController,
  EnrolmentsController,
  SettingsController,
  GroupsController,
  NetworksController,
  ReleasesController,
  VerificationsController,
  KeysController,
  FleetController,
  EventsController,
  AuditController,
  LanesController,
  StorageController,
  HealthController,
];

const bodyLimit = 4 * 1024 * 1024;

export type AdminApiOptions = ApiContext & {
  readonly host: string;
  readonly port: number;
  readonly version: string;
  /** Addresses and networks of proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** Without it HTTP, with it HTTPS alone. */
  readonly tls?: HttpTls | undefined;
};
export type AdminApi = { readonly port: number; readonly stop: () => Promise<void> };

/** Serves the REST API until it is stopped. */
export const startAdminApi = async (options: AdminApiOptions): Promise<AdminApi> => {
  @Module({
    controllers,
    providers: [Writer, { provide: apiContext, useValue: options }, { provide: APP_FILTER, useClass: ProblemFilter }],
  })
  class AdminApiModule {}

  const adapter = new FastifyAdapter({
    bodyLimit,
    genReqId: ({ headers }: IncomingMessage) => requestIdOf(headers),
    forceCloseConnections: 'idle',
    trustProxy: options.trustedProxies.length > 0 && [...options.trustedProxies],
    clientErrorHandler: answerClientError,
    frameworkErrors: answerFrameworkError,
    requestTimeout: httpLimits.requestTimeout,
    serverFactory: (answer: RequestListener) => createWebServer(options.tls, answer),
  });
  const app = await NestFactory.create<NestFastifyApplication>(AdminApiModule, adapter, { logger: false });
  app.useGlobalPipes(new ValidationPipe());
  await secureHeaders(app, options.tls !== undefined);
  watchRequests(app, options);
  letIn(app, options);
  const answerOtherMethods = collectMethods(app);
  limitConnections(app.getHttpServer(), isAmong(options.trustedProxies));
  ignoreExpectations(app.getHttpServer());
  readJson(app);
  readOutLargeBodies(app);
  publishOpenApi(app, options.version);
  const asyncApi = asyncApiDocument(options.version);
  app
    .getHttpAdapter()
    .get('/asyncapi.json', (_request: unknown, reply: { send: (body: unknown) => void }) => reply.send(asyncApi));
  await app.init();
  answerOtherMethods();
  await app.listen(options.port, options.host);
  const address = app.getHttpServer().address();
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    stop: () => app.close(),
  };
};

type ParserDone = (error: Error | null, body?: unknown) => void;

const storable =
  (done: ParserDone): ParserDone =>
  (error, body) => {
    try {
      if (!error) assertStorable(body);
      done(error, body);
    } catch (refusal) {
      done(refusal instanceof Error ? refusal : new Error(String(refusal)));
    }
  };

/**
 * Fastify closes the connection with its answer to a body that is too large; whoever is still sending it then sees a
 * broken connection in place of the answer. Left open, Node reads and forgets the rest.
 */
const readOutLargeBodies = (app: NestFastifyApplication): void => {
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onSend', async (_request, reply) => {
      if (reply.statusCode === errorCatalogue.too_large.status) reply.removeHeader('connection');
    });
};

/**
 * JSON, and a merge patch, which is JSON under another name (RFC 7396); no body is none, whatever it is said to be. What
 * cannot be stored is refused for every route, also for one that looks at no body: its request is kept as a hash.
 */
const readJson = (app: NestFastifyApplication): void => {
  const parse = app.getHttpAdapter().getInstance().getDefaultJsonParser('error', 'ignore');
  app.useBodyParser<Server>(
    ['application/json', 'application/merge-patch+json'],
    { bodyLimit },
    (request, body, done) =>
      body.length === 0 ? done(null, undefined) : void parse(request, body.toString(), storable(done)),
  );
};
