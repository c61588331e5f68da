import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type NodeChild, nextMessage, startNodeChild } from './child.js';
import type { Cleanup } from './cleanup.js';
import type { Stack } from './stack.js';

const main = new URL('../../apps/server/src/main.js', import.meta.url);
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
  { natsUrl, natsKeys, databaseUrl }: Stack,
  { profile, readySeconds = 120 }: { readonly profile?: string | undefined; readonly readySeconds?: number } = {},
): Promise<Server> => {
  if (profile !== undefined) await mkdir(profile, { recursive: true });
  const child = startNodeChild(cleanup, {
    main,
    env: {
      PATH: process.env['PATH'],
      REACHBACK_NATS_URL: natsUrl,
      REACHBACK_NATS_KEYS: natsKeys,
      REACHBACK_DATABASE_URL: databaseUrl,
      REACHBACK_ADMIN_KEY: key,
      REACHBACK_HTTP_PORT: '0',
    },
    nodeOptions: profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`],
  });
  const { port } = await nextMessage<{ readonly port: number }>(child);
  const url = `http://127.0.0.1:${port}`;
  await untilReady(child, url, readySeconds);
  const { pid, stop, kill, words } = child;
  return { pid, stop, kill, words, url, ask: (...request) => ask(url, ...request) };
};

const untilReady = async (child: NodeChild, url: string, seconds: number): Promise<void> => {
  const deadline = Date.now() + seconds * 1000;
  let ended = false;
  void child.exited.then(() => (ended = true));
  for (;;) {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
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

const ask = async <T>(url: string, ...[method, path, body, idempotencyKey]: Parameters<Ask>): Promise<T> => {
  const headers = {
    Authorization: `Bearer ${key}`,
    ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...(idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey }),
  };
  const answer = await fetch(`${url}${path}`, {
    method,
    headers,
    signal: AbortSignal.timeout(answerSeconds * 1000),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text.slice(0, 500)}`);
  return JSON.parse(text) as T;
};
