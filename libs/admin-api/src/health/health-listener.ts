import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorCatalogue, ReachbackError } from '#contracts';
import type { Logger } from 'pino';
import { type Access } from '../access/access.js';
import { plainAddress } from '../access/address.js';
import { assertAllowed } from '../access/allowed.js';
import type { HttpObserver, MetricsSource } from '../context.js';
import { answerClientError } from '../http/client-errors.js';
import { limitConnections } from '../http/limits.js';
import { privateHeaders } from '../http/security-headers.js';
import { createWebServer, type HttpTls } from '../http/web-server.js';
import { problemHeaders, problemOf } from '../problems/problem.js';
import { requestIdHeader, requestIdOf } from '../request-log.js';
import { metricsRequirement } from './requirement.js';
import { type Checks, readReadiness } from './readiness.js';

export type HealthListenerOptions = {
  readonly host: string;
  readonly port: number;
  readonly access: Access;
  readonly checks: Checks;
  readonly metrics: MetricsSource;
  readonly observer: HttpObserver;
  readonly log: Logger;
  /** Without it HTTP, with it HTTPS alone. */
  readonly tls?: HttpTls | undefined;
  /** What any other address is answered with. */
  readonly otherwise: () => ReachbackError;
};

/** Longer than any answer takes, in milliseconds. */
const stopTimeout = 3_000;

type Answer = {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
};

const json = (status: number, body: object): Answer => ({
  status,
  type: 'application/json; charset=utf-8',
  body: JSON.stringify(body),
});

/**
 * Serves `/healthz`, `/readyz` and `/metrics` alone: in a process without the REST API, and in one with it until that
 * can be started. Each answer ends its connection, so that nobody's is cut when the API takes the port over.
 */
export const startHealthListener = async (
  options: HealthListenerOptions,
): Promise<{ readonly port: number; readonly stop: () => Promise<void> }> => {
  const server = createWebServer(options.tls, (request, response) => {
    const id = requestIdOf(request.headers);
    void answer(request, options)
      .catch((error: unknown) => problem(error instanceof ReachbackError ? error : new ReachbackError('internal'), id))
      .then((answered) => send(request, response, { ...answered, id }));
  });
  server.on('clientError', answerClientError);
  limitConnections(server);
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    stop: async () => {
      if (!server.listening) return;
      server.close();
      // Whoever holds a connection and asks nothing must not keep the port.
      const patience = setTimeout(() => server.closeAllConnections(), stopTimeout);
      await once(server, 'close');
      clearTimeout(patience);
    },
  };
};

const answer = async (
  { method, url = '', headers, socket }: IncomingMessage,
  { access, checks, metrics, otherwise }: HealthListenerOptions,
): Promise<Answer> => {
  const path = method === 'GET' || method === 'HEAD' ? url.split('?')[0] : undefined;
  if (path === '/healthz') return json(200, { status: 'ok' });
  if (path === '/readyz') {
    const readiness = await readReadiness(checks);
    return json(readiness.status === 'ready' ? 200 : 503, readiness);
  }
  if (path !== '/metrics') throw otherwise();
  const caller = await access.callerOf(headers.authorization, plainAddress(socket.remoteAddress));
  assertAllowed(caller, metricsRequirement);
  return { status: 200, type: metrics.contentType, body: await metrics.read() };
};

const problem = (error: ReachbackError, id: string): Answer => ({
  status: errorCatalogue[error.code].status,
  type: 'application/problem+json',
  body: JSON.stringify(problemOf(error, id)),
  headers: problemHeaders(error),
});

const send = (
  { method }: IncomingMessage,
  response: ServerResponse,
  { status, type, body, id, headers }: Answer & { readonly id: string },
): void => {
  response.writeHead(status, {
    ...privateHeaders,
    ...headers,
    'Content-Type': type,
    Connection: 'close',
    [requestIdHeader]: id,
  });
  response.end(method === 'HEAD' ? undefined : body);
};
