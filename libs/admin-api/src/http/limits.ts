import type { Server, ServerOptions } from 'node:http';
import type { Socket } from 'node:net';
import { plainAddress } from '../access/address.js';

/** What a client of the REST API or of the health listener may take of the server; times in milliseconds. */
export const httpLimits = {
  /** Until the head of a request is there, from its first byte, or from the opening of the connection. */
  headersTimeout: 10_000,
  /** Until all of it is there. The largest body, 4 MiB, so needs 1.1 Mbit/s. */
  requestTimeout: 30_000,
  /** Between two requests. */
  keepAliveTimeout: 15_000,
  /** Without a byte in either direction: whoever does not read its answer. Streams of events say something more often. */
  connectionTimeout: 120_000,
  /** How often the first two are looked at. */
  connectionsCheckingInterval: 1_000,
  /** In bytes. */
  maxHeaderSize: 16 * 1024,
  maxHeadersCount: 100,
  maxConnections: 2_000,
  maxConnectionsOfAddress: 200,
} as const;

/** For the making of a server. */
export const serverOptions: ServerOptions = {
  headersTimeout: httpLimits.headersTimeout,
  requestTimeout: httpLimits.requestTimeout,
  keepAliveTimeout: httpLimits.keepAliveTimeout,
  connectionsCheckingInterval: httpLimits.connectionsCheckingInterval,
  maxHeaderSize: httpLimits.maxHeaderSize,
};

/**
 * Bounds how many connections there are, and how many of one address, so that whoever opens all it can leaves room for
 * others. A trusted proxy has no bound of its own: it speaks for many.
 */
export const limitConnections = (server: Server, isTrusted: (address: string) => boolean = () => false): void => {
  server.maxConnections = httpLimits.maxConnections;
  server.maxHeadersCount = httpLimits.maxHeadersCount;
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const address = plainAddress(socket.remoteAddress);
    if (isTrusted(address)) return;
    const count = (open.get(address) ?? 0) + 1;
    if (count > httpLimits.maxConnectionsOfAddress) {
      socket.destroy();
      return;
    }
    open.set(address, count);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
  });
};

/** Takes a request whose `Expect` nobody understands for one without, which is allowed; Node would answer an empty 417. */
export const ignoreExpectations = (server: Server): void => {
  server.on('checkExpectation', (request, response) => void server.emit('request', request, response));
};
