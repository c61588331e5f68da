import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type FactMeta, type NewFact, ReachbackError } from '#contracts';
import { appendFacts, lockLog, type Transaction, transact } from '#event-log';
import { inlineProjections } from '#projections';
import { addressOf } from '../access/address.js';
import { callerOf } from '../access/caller.js';
import { assertStillAllowed } from '../access/recheck.js';
import { type ApiContext, Context } from '../context.js';

/** What a write answers. */
export type Answer = {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
};

/** A write in its transaction. */
export type Write = {
  readonly tx: Transaction;
  /** @param before what the act replaced, where the fact's data says only what is there now */
  readonly append: (fact: FactWithoutMeta, before?: unknown) => Promise<bigint>;
};
type FactWithoutMeta = NewFact extends infer F ? (F extends NewFact ? Omit<F, 'meta'> : never) : never;

type StoredReply = {
  readonly request_hash: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
};

const maxKeyLength = 256;

/**
 * Runs administrators' writes: one transaction that holds the log's lock, so that what a write checks is still true
 * when its facts are appended. With an `Idempotency-Key` the answer is stored in the same transaction: the same request
 * again gets it again, and changes nothing.
 */
@Injectable()
export class Writer {
  constructor(@Context() private readonly context: ApiContext) {}

  async run(request: FastifyRequest, reply: FastifyReply, work: (write: Write) => Promise<Answer>): Promise<unknown> {
    const { db, lanes } = this.context;
    const caller = callerOf(request);
    const meta: FactMeta = {
      actor: caller.actor,
      key: caller.key,
      address: addressOf(request),
      correlation: request.id,
    };
    const key = keyOf(request);
    const {
      status = 200,
      headers = {},
      body,
    } = await transact(db, async (tx) => {
      await lockLog(tx);
      await assertStillAllowed(tx, caller);
      const hash = hashOf(request);
      const before = key === undefined ? undefined : await findReply(tx, key, hash);
      if (before) return before;
      const answer = await work({
        tx,
        append: async (fact, before) => {
          const whole: FactMeta = before === undefined ? meta : { ...meta, before };
          const [appended] = await appendFacts(tx, lanes.of, [{ ...fact, meta: whole }], inlineProjections);
          return appended?.position ?? 0n;
        },
      });
      if (key !== undefined) await storeReply(tx, key, hash, answer);
      return answer;
    });
    void reply.status(status).headers(headers);
    return body;
  }
}

const keyOf = (request: FastifyRequest): string | undefined => {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || key === '' || key.length > maxKeyLength) {
    throw new ReachbackError('bad_request', `Idempotency-Key has 1 to ${maxKeyLength} characters.`);
  }
  // What a key was answered before it was limited to a group is not its to read any more.
  const { key: adminKey, scope } = callerOf(request);
  return JSON.stringify([adminKey, scope.group, key]);
};

const hashOf = (request: FastifyRequest): string =>
  createHash('sha256')
    .update(JSON.stringify([request.method, request.url, request.headers['if-match'] ?? null, request.body ?? null]))
    .digest('hex');

const findReply = async (tx: Transaction, key: string, hash: string): Promise<Answer | undefined> => {
  const [row] = await tx<StoredReply[]>`
    SELECT request_hash, status, headers, body FROM idempotent_reply WHERE key = ${key}`;
  if (!row) return undefined;
  if (row.request_hash !== hash) throw new ReachbackError('idempotency_mismatch');
  return { status: row.status, headers: row.headers, body: row.body ?? undefined };
};

const storeReply = async (tx: Transaction, key: string, hash: string, { status = 200, headers = {}, body }: Answer) => {
  await tx`DELETE FROM idempotent_reply WHERE created_at < now() - interval '24 hours'`;
  await tx`
    INSERT INTO idempotent_reply (key, request_hash, status, headers, body)
    VALUES (${key}, ${hash}, ${status}, ${JSON.stringify(headers)}::text::jsonb,
            ${body === undefined ? null : JSON.stringify(body)}::text::jsonb)`;
};
