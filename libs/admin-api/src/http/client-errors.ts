import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { randomUUID } from 'node:crypto';
import { errorCatalogue, ReachbackError } from '#contracts';
import { requestIdHeader } from '../request-log.js';
import { problemOf } from '../problems/problem.js';

/** What Node's parser refuses before there is a request. */
const errors: Readonly<Record<string, () => ReachbackError>> = {
  ERR_HTTP_REQUEST_TIMEOUT: () => new ReachbackError('too_slow'),
  HPE_HEADER_OVERFLOW: () => new ReachbackError('headers_too_large'),
};

/** Answers what is no request, or did not become one in time, and ends the connection. */
export const answerClientError = (error: Error & { readonly code?: string }, socket: Duplex): void => {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  // Nothing can be said to who shook no hands, least of all in plain text.
  const isHandshake = error.code?.startsWith('ERR_SSL_') || error.code?.startsWith('ERR_TLS_');
  if (isHandshake || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = errors[error.code ?? '']?.() ?? new ReachbackError('bad_request', 'This is no HTTP request.');
  const { status } = errorCatalogue[problem.code];
  const id = randomUUID();
  const body = JSON.stringify(problemOf(problem, id));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `${requestIdHeader}: ${id}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
};
