import type { Logger } from 'pino';
import { ReachbackError, type Role } from '#contracts';
import { isOutage, type Queryable } from '#event-log';
import { bearerTokenOf } from './bearer.js';
import type { Caller } from './caller.js';
import { type Attempt, FailedAttempts } from './failed-attempts.js';
import { KeyRing } from './key-ring.js';
import { createOidc, isToken, type OidcOptions } from './oidc.js';
import { Scope } from './scope.js';
import { idIn } from './secrets.js';
import { KeyVerifier } from './verifier.js';

/** Finds out who a request is from. */
export type Access = {
  /**
   * @param address where the request came from
   * @throws {ReachbackError} `unauthorized` without a key that is good now; `too_many_failures` in place of it while
   *   whoever sent it has to wait; `unavailable` while that cannot be found out
   */
  readonly callerOf: (authorization: string | undefined, address: string) => Promise<Caller>;
};

/** Why a request was refused: it had no key, a wrong one, or came from where too many wrong ones had come. */
export type Refusal = 'missing' | 'wrong' | 'locked';

export type AccessOptions = {
  readonly db: Queryable;
  /** Keys of the configuration with their names, which are good for everything. */
  readonly keys: ReadonlyMap<string, string>;
  /** Whose tokens are good beside keys. */
  readonly oidc?: OidcOptions | undefined;
  readonly log: Logger;
  /** Hears of every refusal. */
  readonly refused: (reason: Refusal) => void;
};

type Row = {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly group: string;
  readonly hash: string;
  readonly isUseNoted: boolean;
};

/** Access by the keys of the configuration, those that administrators made, and tokens of an issuer. */
export const createAccess = (options: AccessOptions): Access => {
  const findCaller = createFinder(options);
  const attempts = new FailedAttempts();
  const { log, refused } = options;
  const refuse = (reason: Refusal, error: unknown): never => {
    refused(reason);
    throw error;
  };
  const assertMayTry = (attempt: Attempt): void => {
    try {
      attempts.assertMayTry(attempt);
    } catch (error) {
      refuse('locked', error);
    }
  };
  return {
    callerOf: async (authorization, address) => {
      const token = bearerTokenOf(authorization);
      // Guesses nothing, and costs nothing: a browser that was sent here by mistake has to wait for nothing.
      if (token === undefined) return refuse('missing', new ReachbackError('unauthorized'));
      const attempt = { address, keyId: idIn(token) };
      const caller = await findCaller(token, () => assertMayTry(attempt));
      if (caller) return caller;
      assertMayTry(attempt);
      const seconds = attempts.count(attempt);
      if (seconds > 0) log.warn({ ...attempt, seconds }, 'too many wrong administrator keys from an address');
      return refuse('wrong', new ReachbackError('unauthorized'));
    },
  };
};

/** Whose token it is; undefined where it is nobody's. What is right at a glance never waits for others' failures. */
const createFinder = ({ db, keys, oidc }: AccessOptions) => {
  const ring = new KeyRing(keys);
  const verifier = new KeyVerifier();
  const callerOfToken = oidc && createOidc(oidc);
  return async (token: string, assertMayTry: () => void): Promise<Caller | undefined> => {
    const name = ring.nameOf(token);
    if (name !== undefined)
      return { key: name, actor: `admin:${name}`, role: 'admin', scope: Scope.fleet, isStored: false };
    if (callerOfToken && isToken(token)) return callerOfToken(token).catch(asNobody);
    const id = idIn(token);
    const row = id === undefined ? undefined : await findKey(db, id).catch(asUnavailable);
    if (!row || !(await verifier.isRight(row.id, token, row.hash, assertMayTry))) return undefined;
    // A key is as good as before where its use cannot be noted, as on a full disk.
    if (!row.isUseNoted) await noteUse(db, row.id).catch(() => undefined);
    return { key: row.id, actor: `admin:${row.name}`, role: row.role, scope: new Scope(row.group), isStored: true };
  };
};

const asNobody = (error: unknown): undefined => {
  if (error instanceof ReachbackError && error.code === 'unauthorized') return undefined;
  throw error;
};

const asUnavailable = (error: unknown): never => {
  throw isOutage(error) ? new ReachbackError('unavailable', 'The database is away; try again.', 5) : error;
};

/** Read with every request, so that a key is revoked, expired or lowered for every server at once. */
const findKey = async (db: Queryable, id: string): Promise<Row | undefined> => {
  const [row] = await db<Row[]>`
    SELECT k.id, k.name, k.role, k.group_path AS "group", h.hash,
           k.last_used_at > now() - interval '5 minutes' IS TRUE AS "isUseNoted"
    FROM admin_key k JOIN admin_key_hash h ON h.id = k.id
    WHERE k.id = ${id} AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())`;
  return row;
};

/** Once in five minutes; whoever else is just doing so is not waited for. */
const noteUse = (db: Queryable, id: string) => db`
  UPDATE admin_key SET last_used_at = now()
  WHERE id = (SELECT id FROM admin_key WHERE id = ${id} FOR UPDATE SKIP LOCKED)
    AND last_used_at > now() - interval '5 minutes' IS NOT TRUE`;
