import type { Queryable } from '#event-log';
import { isSecretOf, readToken } from '../tokens/token-text.js';

export type PresentedToken = {
  readonly id: string;
  readonly clientId: string | null;
  readonly approval: boolean;
  readonly isUsable: boolean;
};

/** The token that a text is, expired and used-up ones too; undefined when it is none, or was deleted. */
export const findPresented = async (db: Queryable, text: string): Promise<PresentedToken | undefined> => {
  const parts = readToken(text);
  if (!parts) return undefined;
  const [row] = await db<(PresentedToken & { readonly hash: Uint8Array | null })[]>`
    SELECT id, client_id AS "clientId", approval, used < uses AND expires_at > now() AS "isUsable", secret_hash AS hash
    FROM enrolment_token WHERE id = ${parts.id}`;
  if (!isSecretOf(parts.secret, row?.hash) || !row) return undefined;
  const { id, clientId, approval, isUsable } = row;
  return { id, clientId, approval, isUsable };
};

/** A key that was let in. */
export type KnownKey = {
  readonly publicKey: string;
  readonly clientId: string;
  readonly enrolment: string;
  readonly isRevoked: boolean;
  readonly expiresAt: Date;
  readonly isExpired: boolean;
};

const keyColumns = (db: Queryable) => db`
  public_key AS "publicKey", client_id AS "clientId", enrolment, revoked_at IS NOT NULL AS "isRevoked",
  expires_at AS "expiresAt", expires_at <= now() AS "isExpired"`;

export const findKey = async (db: Queryable, publicKey: string): Promise<KnownKey | undefined> => {
  const [row] = await db<KnownKey[]>`SELECT ${keyColumns(db)} FROM credential WHERE public_key = ${publicKey}`;
  return row;
};

/** The keys that may connect as a client; one at most, as long as nobody writes to the table by hand. */
export const selectValidKeys = (db: Queryable, clientId: string) => db<KnownKey[]>`
  SELECT ${keyColumns(db)} FROM credential
  WHERE client_id = ${clientId} AND revoked_at IS NULL AND expires_at > now() ORDER BY position`;

export type Asked = {
  readonly id: string;
  readonly state: 'pending' | 'approved' | 'refused';
  readonly token: string;
  readonly clientId: string;
  readonly publicKey: string;
  readonly address: string | null;
};

const askedColumns = (db: Queryable) => db`
  id, state, token, client_id AS "clientId", public_key AS "publicKey", address`;

/** What this key asked for last, as this client and by this token. */
export const findAsked = async (
  db: Queryable,
  { token, clientId, publicKey }: Pick<Asked, 'token' | 'clientId' | 'publicKey'>,
): Promise<Asked | undefined> => {
  const [row] = await db<Asked[]>`
    SELECT ${askedColumns(db)} FROM enrolment
    WHERE public_key = ${publicKey} AND client_id = ${clientId} AND token = ${token} ORDER BY position DESC LIMIT 1`;
  return row;
};

export const findEnrolment = async (db: Queryable, id: string): Promise<Asked | undefined> => {
  const [row] = await db<Asked[]>`SELECT ${askedColumns(db)} FROM enrolment WHERE id = ${id}`;
  return row;
};

export const isRemoved = async (db: Queryable, clientId: string): Promise<boolean> => {
  const [row] = await db`SELECT FROM client WHERE id = ${clientId} AND removed_at IS NOT NULL`;
  return row !== undefined;
};
