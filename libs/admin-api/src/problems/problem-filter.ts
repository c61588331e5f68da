import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, errorCatalogue, ReachbackError } from '#contracts';
import { isConnectionError, isDiskFull, isTimeout } from '#event-log';
import { type ApiContext, Context } from '../context.js';
import { requestIdHeader } from '../request-log.js';
import { problemHeaders, problemOf } from './problem.js';

const codesByStatus: Readonly<Record<number, ErrorCode>> = {
  400: 'bad_request',
  401: 'unauthorized',
  404: 'not_found',
  413: 'too_large',
  415: 'unsupported_media_type',
};

/** Answers every error as `application/problem+json` (RFC 9457) with a code of the catalogue. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(@Context() private readonly context: ApiContext) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const problem = toProblem(error);
    const { id, method, url } = http.getRequest<FastifyRequest>();
    if (problem.code === 'internal') {
      this.context.log.error({ error, correlation: id, method, url }, 'a request failed');
    }
    sendProblem(http.getResponse<FastifyReply>(), problem, id);
  }
}

/** Answers a path that cannot be read, for which there is neither a route nor a filter. */
export const answerFrameworkError = (error: unknown, { id }: FastifyRequest, reply: FastifyReply): void => {
  void reply.header(requestIdHeader, id);
  sendProblem(reply, toProblem(error), id);
};

const sendProblem = (reply: FastifyReply, problem: ReachbackError, requestId: string): void => {
  void reply
    .status(errorCatalogue[problem.code].status)
    .headers(problemHeaders(problem))
    .header('Content-Type', 'application/problem+json')
    .send(Buffer.from(JSON.stringify(problemOf(problem, requestId))));
};

const tooSlow = 'The database took too long to find this; ask for less, by other filters, or try again later.';

const toProblem = (error: unknown): ReachbackError => {
  if (error instanceof ReachbackError) return error;
  if (isConnectionError(error)) return new ReachbackError('unavailable', 'The database is away; try again.', 5);
  if (isDiskFull(error)) return new ReachbackError('disk_full', undefined, 30);
  if (isTimeout(error)) return new ReachbackError('unavailable', tooSlow, 30);
  const status = statusOf(error);
  if (status >= 500) return new ReachbackError('internal');
  const code = codesByStatus[status] ?? 'bad_request';
  const isOurs = code === 'not_found' || code === 'unauthorized';
  return new ReachbackError(code, isOurs ? errorCatalogue[code].title : messageOf(error));
};

/** Nest's and Fastify's errors carry their status. */
const statusOf = (error: unknown): number => {
  if (error instanceof HttpException) return error.getStatus();
  return typeof error === 'object' && error !== null && 'statusCode' in error ? Number(error.statusCode) : 500;
};

const messageOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
