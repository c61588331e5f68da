import type { Queryable } from '#event-log';

/** A key that was ever let in as a client. */
export type Credential = {
  readonly position: bigint;
  readonly publicKey: string;
  readonly state: 'valid' | 'suspended' | 'expired' | 'revoked';
  readonly issuedAt: Date;
  readonly renewedAt: Date | null;
  readonly expiresAt: Date;
  /** Null where it is over. */
  readonly suspendedUntil: Date | null;
  readonly revokedAt: Date | null;
  readonly revokedBy: string | null;
  readonly address: string | null;
};

/** Those of a client before a position, newest first. */
export const listCredentials = (db: Queryable, clientId: string, before: string | undefined, limit: number) => db<
  Credential[]
>`
  SELECT c.position, c.public_key AS "publicKey", c.issued_at AS "issuedAt", c.renewed_at AS "renewedAt",
         c.expires_at AS "expiresAt", c.revoked_at AS "revokedAt", c.revoked_by AS "revokedBy", e.address,
         CASE WHEN c.suspended_until > now() THEN c.suspended_until END AS "suspendedUntil",
         CASE WHEN c.revoked_at IS NOT NULL THEN 'revoked' WHEN c.expires_at <= now() THEN 'expired'
              WHEN c.suspended_until > now() THEN 'suspended' ELSE 'valid' END AS state
  FROM credential c JOIN enrolment e ON e.id = c.enrolment
  WHERE c.client_id = ${clientId} ${before === undefined ? db`` : db`AND c.position < ${before}`}
  ORDER BY c.position DESC LIMIT ${limit}`;
