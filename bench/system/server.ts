import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { webRequest, type WebRequest } from '#tls';
import { type NodeChild, nextMessage, startNodeChild } from './child.js';
import type { Cleanup } from './cleanup.js';
import type { Stack } from './stack.js';

const main = new URL('../../apps/server/src/bundle.js', import.meta.url);
const key = 'the-benchmark-administers';

/** The built server, as it runs in production. */
export type Server = Pick<NodeChild, 'pid' | 'stop' | 'kill' | 'words'> & {
  readonly url: string;
  /** Asks the REST API as an administrator. @throws unless it answers with a 2xx */
  readonly ask: Ask;
};

/** `idempotencyKey`: so that it can be asked again when no answer came. */
export type Ask = <T>(method: string, path: string, body?: unknown, idempotencyKey?: string) => Promise<T>;

/** Starts a server and waits until it is ready: until its intake owns the lane and answers. */
export const startServer = async (
  cleanup: Cleanup,
  { natsUrl, door, databaseUrl }: Stack,
  { profile, readySeconds = 120 }: { readonly profile?: string | undefined; readonly readySeconds?: number } = {},
): Promise<Server> => {
  if (profile !== undefined) await mkdir(profile, { recursive: true });
  const child = startNodeChild(cleanup, {
    main,
    env: {
      PATH: process.env['PATH'],
      REACHBACK_NATS_URL: natsUrl,
      REACHBACK_NATS_KEYS: door.keys,
      REACHBACK_NATS_CA: door.tls?.ca,
      REACHBACK_TLS_CERT: door.tls?.files.cert,
      REACHBACK_TLS_KEY: door.tls?.files.key,
      REACHBACK_DATABASE_URL: databaseUrl,
      REACHBACK_ADMIN_KEY: key,
      REACHBACK_HTTP_PORT: '0',
    },
    nodeOptions: profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`],
  });
  const { port } = await nextMessage<{ readonly port: number }>(child);
  const url = `${door.tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  const ca = door.tls?.caText;
  await untilReady(child, url, ca, readySeconds);
  const { pid, stop, kill, words } = child;
  return { pid, stop, kill, words, url, ask: (...request) => ask(url, ca, ...request) };
};

const untilReady = async (child: NodeChild, url: string, ca: string | undefined, seconds: number): Promise<void> => {
  const deadline = Date.now() + seconds * 1000;
  let ended = false;
  void child.exited.then(() => (ended = true));
  for (;;) {
    const answer = await send(`${url}/readyz`, ca, {}).catch(() => undefined);
    if (answer?.status === 200) return;
    if (ended || Date.now() > deadline) throw new Error(`The server did not get ready: ${child.words()}`);
    await sleep(25);
  }
};

/** What a server read of the log to recover presence, after the last snapshot. */
export type Replayed = { readonly facts: number; readonly contacts: number };

/** It logs that; null if it does not say. */
export const replayedBy = (server: Pick<Server, 'words'>): Replayed | null => {
  const line = server
    .words()
    .split('\n')
    .find((text) => text.includes('"replayed"'));
  return line === undefined ? null : (JSON.parse(line) as { replayed: Replayed }).replayed;
};

/** Some counts take minutes where they are scans; what takes longer has failed. */
const answerSeconds = 200;

/** `fetch` keeps its connections, but can be told of no authority: with TLS each request has a connection of its own. */
const send = async (
  url: string,
  ca: string | undefined,
  { method = 'GET', headers = {}, body }: WebRequest,
): Promise<{ readonly status: number; readonly text: string }> => {
  if (ca !== undefined) return webRequest(url, { method, headers, ca, ...(body === undefined ? {} : { body }) });
  const signal = AbortSignal.timeout(answerSeconds * 1000);
  const answer = await fetch(url, { method, headers, signal, ...(body === undefined ? {} : { body }) });
  return { status: answer.status, text: await answer.text() };
};

const ask = async <T>(
  url: string,
  ca: string | undefined,
  ...[method, path, body, idempotencyKey]: Parameters<Ask>
): Promise<T> => {
  const headers = {
    Authorization: `Bearer ${key}`,
    ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...(idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey }),
  };
  const { status, text } = await send(`${url}${path}`, ca, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (status < 200 || status > 299) throw new Error(`${method} ${path} answered ${status}: ${text.slice(0, 500)}`);
  return JSON.parse(text) as T;
};
