import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server as TlsServer } from 'node:tls';
import type { Pair } from '#tls';
import { httpLimits, serverOptions } from './limits.js';

/** A certificate by which HTTP is served, and which may change while it is. */
export type HttpTls = {
  readonly pair: () => Pair;
  /** Gives a server each certificate that follows, until it is closed. */
  readonly serve: (server: TlsServer) => void;
};

/** A server for HTTP, or for HTTPS alone where there is a certificate. */
export const createWebServer = (tls: HttpTls | undefined, answer: RequestListener): Server => {
  const server = tls ? createSecure(tls, answer) : createServer(serverOptions, answer);
  server.setTimeout(httpLimits.connectionTimeout);
  return server;
};

const createSecure = (tls: HttpTls, answer: RequestListener): Server => {
  const { cert, key } = tls.pair();
  // Who opens a connection and shakes no hands gets no longer than who says nothing on one.
  const server = createTlsServer({ ...serverOptions, cert, key, handshakeTimeout: httpLimits.headersTimeout }, answer);
  tls.serve(server);
  return server;
};
