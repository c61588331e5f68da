import type { NatsConnection } from '@nats-io/transport-node';
import { type Database, type Transaction, transact } from '#event-log';
import { type Authority, ensureAccount } from '#identity';
import { bearerGrace } from '../tokens/create-token.js';

/** One number for all processes that tell the broker, so that what was read first is never told last. */
const advisoryLock = 7_262_014;
/** Clocks differ: a credential that has just expired is shut out a little longer. */
const margin = 3_600_000;

export type PushOptions = { readonly db: Database; readonly authority: Authority; readonly system: NatsConnection };

export type Pushed = {
  /** Whether the broker had to be told. */
  readonly isNew: boolean;
  /** When the next of those who are suspended is to be let in again. */
  readonly nextLift: Date | undefined;
};

/**
 * Gives the broker the accounts of the agents with all who are shut out, unless it has them.
 *
 * @throws when broker or database do not answer, or the broker refuses it
 */
export const pushRevocations = ({ db, authority, system }: PushOptions): Promise<Pushed> =>
  transact(db, async (tx) => {
    await tx`SELECT pg_advisory_xact_lock(${advisoryLock})`;
    const suspended = await selectSuspended(tx);
    const shutOut = new Map([...suspended.keys, ...(await selectRevoked(tx))].toSorted(byKey));
    const { agents, mqtt } = authority.accounts;
    const told = await ensureAccount(system, agents, authority.agentsAccountJwt(shutOut));
    const isNew = (await ensureAccount(system, mqtt, authority.mqttAccountJwt(shutOut))) || told;
    return { isNew, nextLift: suspended.nextLift };
  });

/** What the broker knows is compared with it as text. */
const byKey = ([a]: readonly [string, Date], [b]: readonly [string, Date]): number => (a < b ? -1 : 1);

/**
 * Who is shut out for ever, by public key, and up to which time of issue: that at which all that was issued has expired, so
 * that it does not matter whose clock issued it. A revoked key is given nothing any more. What has expired need not be said.
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

/** Who is shut out for a while: likewise, for what a suspended key was issued before is as good as what it gets after. */
const selectSuspended = async (tx: Transaction) => {
  const rows = await tx<{ publicKey: string; expiresAt: Date; until: Date }[]>`
    SELECT public_key AS "publicKey", expires_at AS "expiresAt", suspended_until AS until FROM credential
    WHERE suspended_until > ${new Date()} AND revoked_at IS NULL ORDER BY suspended_until`;
  return {
    keys: rows.map(({ publicKey, expiresAt }) => [publicKey, expiresAt] as const),
    nextLift: rows[0]?.until,
  };
};
