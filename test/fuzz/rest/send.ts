import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';
import type { ServerProcess } from '../../helpers/server-process.js';
import type { Harvest } from './harvest.js';
import type { FuzzRequest } from './requests.js';

export type Answer = { readonly status: number; readonly type: string; readonly body: string };

/** The path that a request goes to, with what exists in its places. */
export const addressOf = (
  { operation, places, query }: FuzzRequest,
  harvest: Harvest,
  encode: (text: string) => string,
) => {
  let last = '';
  let next = 0;
  const parts = operation.path.split('/').map((part) => {
    if (!part.startsWith('{')) return (last = part);
    const place = places[next++];
    if (!place || 'text' in place) return place?.text ?? '';
    const found = harvest.pick(last, part.slice(1, -1), place.pick);
    return found === undefined ? place.otherwise : encode(found);
  });
  return parts.join('/') + query;
};

/** Sends requests over few connections that stay open. */
export const createSender = ({ url, key }: Pick<ServerProcess, 'url' | 'key'>, connections: number) => {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const { hostname, port } = new URL(url);
  return {
    send: (method: string, path: string, { headers, body, isKnown }: FuzzRequest): Promise<Answer> =>
      new Promise((resolve, reject) => {
        const own = isKnown ? { Authorization: `Bearer ${key}` } : {};
        const length = body ? { 'Content-Length': String(body.length) } : {};
        const all = { ...own, ...headers, ...length };
        const options = { agent, hostname, port, method, path, headers: all, timeout: 60_000 };
        const sent = request(options, (response) => void read(response).then(resolve, reject));
        sent.on('error', reject);
        sent.on('timeout', () => sent.destroy(new Error('no answer in a minute')));
        sent.end(body);
      }),
    close: () => agent.destroy(),
  };
};

const read = async (response: IncomingMessage): Promise<Answer> => {
  const type = response.headers['content-type'] ?? '';
  const status = response.statusCode ?? 0;
  // A stream has no end; that it began is its answer.
  if (type.startsWith('text/event-stream')) {
    response.destroy();
    return { status, type, body: '' };
  }
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return { status, type, body: Buffer.concat(parts).toString() };
};

/** Writes what may be no HTTP at all, says that nothing follows, and reads what comes until the server ends it. */
export const sendRaw = async (url: string, bytes: Buffer): Promise<string> => {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.on('data', (data) => (text += data.toString('latin1')));
  socket.on('error', () => undefined);
  socket.setTimeout(60_000, () => socket.destroy());
  socket.end(bytes);
  await once(socket, 'close');
  return text;
};
