import type { NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';
import { type Database, type Transaction, transact } from '#event-log';
import { type Authority, pushAccount } from '#identity';
import { bearerGrace } from '../tokens/create-token.js';

/** One number for all processes that tell the broker, so that what was read first is never told last. */
const advisoryLock = 7_262_014;
/** In milliseconds, less than a transaction may stand still. */
const lookupTimeout = 2_000;
/** Clocks differ: a credential that has just expired is shut out a little longer. */
const margin = 3_600_000;

export type PushOptions = { readonly db: Database; readonly authority: Authority; readonly system: NatsConnection };

/**
 * Gives the broker the account of the agents with all who are revoked, unless it has it.
 *
 * @returns whether it had to
 * @throws when broker or database do not answer, or the broker refuses it
 */
export const pushRevocations = ({ db, authority, system }: PushOptions): Promise<boolean> =>
  transact(db, async (tx) => {
    await tx`SELECT pg_advisory_xact_lock(${advisoryLock})`;
    const wanted = authority.agentsAccountJwt(await selectRevoked(tx));
    const there = await lookUp(system, authority.accounts.agents);
    if (contentOf(there) === contentOf(wanted)) return false;
    await pushAccount(system, wanted);
    return true;
  });

/**
 * Who is shut out, by public key, and up to which time of issue: that at which all that was issued has expired, so that it
 * does not matter whose clock issued it. A revoked key is given nothing any more. What has expired need not be said.
 */
const selectRevoked = async (tx: Transaction): Promise<ReadonlyMap<string, Date>> => {
  const now = Date.now();
  const rows = await tx<{ publicKey: string; until: Date }[]>`
    SELECT public_key AS "publicKey", expires_at AS until FROM credential
    WHERE revoked_at IS NOT NULL AND expires_at > ${new Date(now - margin)}
    UNION ALL
    SELECT public_key, expires_at FROM enrolment_token
    WHERE deleted_at IS NOT NULL AND expires_at > ${new Date(now - margin - bearerGrace)}
    ORDER BY 1`;
  return new Map(rows.map(({ publicKey, until }) => [publicKey, until]));
};

const lookUp = async (system: NatsConnection, account: string): Promise<string> => {
  const answer = await system.request(`$SYS.REQ.ACCOUNT.${account}.CLAIMS.LOOKUP`, '', { timeout: lookupTimeout });
  return answer.string();
};

const claims = z.object({ nats: z.unknown() });

/** What an account's JWT says, without when it was issued; empty for what is none. */
const contentOf = (jwt: string): string => {
  try {
    const text = Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString();
    return JSON.stringify(claims.parse(JSON.parse(text)).nats);
  } catch {
    return '';
  }
};
