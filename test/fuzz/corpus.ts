import type { NatsConnection } from '@nats-io/transport-node';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { System } from '../helpers/system.js';
import { complaintOf } from './rest/try-routes.js';

/** An input that was once answered wrongly, with what it is answered now. Texts may hold `\u0000` and lone surrogates. */
type SeedRequest = {
  readonly why: string;
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
};
type SeedMessage = { readonly why: string; readonly subject: string; readonly payload: string; readonly code: string };
type Corpus = { readonly requests: readonly SeedRequest[]; readonly messages: readonly SeedMessage[] };

export const readCorpus = async <K extends keyof Corpus>(name: K): Promise<Corpus[K]> =>
  JSON.parse(await readFile(join(import.meta.dirname, `corpus/${name}.json`), 'utf8')) as Corpus[K];

/** Sends them again; what is answered otherwise. */
export const repeatRequests = async ({ rest }: System, seeds: readonly SeedRequest[]): Promise<readonly string[]> => {
  const wrong: string[] = [];
  for (const { why, method, path, body, headers, status: wanted } of seeds) {
    const { status, headers: has, body: answer } = await rest.send(method, path, body, headers);
    const type = has.get('content-type') ?? '';
    const complaint = complaintOf({ status, type, body: JSON.stringify(answer ?? '') });
    if (complaint || status !== wanted)
      wrong.push(`${why}: ${method} ${path} is answered ${status} ${complaint ?? ''}`);
  }
  return wrong;
};

export const repeatMessages = async (
  nats: NatsConnection,
  seeds: readonly SeedMessage[],
): Promise<readonly string[]> => {
  const wrong: string[] = [];
  for (const { why, subject, payload, code: wanted } of seeds) {
    const answer = await nats.request(subject, payload, { timeout: 30_000 });
    const code = answer.headers?.get('Nats-Service-Error-Code') || 'ok';
    if (code !== wanted) wrong.push(`${why}: ${subject} is answered ${code}`);
  }
  return wrong;
};
