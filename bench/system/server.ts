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
  readonly ask: <T>(method: string, path: string, body?: unknown) => Promise<T>;
};

/** Starts a server and waits until it is ready: until its intake owns the lane and answers. */
export const startServer = async (
  cleanup: Cleanup,
  { natsUrl, databaseUrl }: Stack,
  { profile, readySeconds = 120 }: { readonly profile?: string | undefined; readonly readySeconds?: number } = {},
): Promise<Server> => {
  if (profile !== undefined) await mkdir(profile, { recursive: true });
  const child = startNodeChild(cleanup, {
    main,
    env: {
      PATH: process.env['PATH'],
      REACHBACK_NATS_URL: natsUrl,
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
  return { pid, stop, kill, words, url, ask: (method, path, body) => ask(url, method, path, body) };
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

/** Some counts take minutes where they are scans; what takes longer has failed. */
const answerSeconds = 200;

const ask = async <T>(url: string, method: string, path: string, body: unknown): Promise<T> => {
  const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' };
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
