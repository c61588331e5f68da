import type { Transaction } from '#event-log';
import type { Append } from '../context.js';
import { deleteToken } from '../tokens/delete-token.js';

type Split = {
  readonly token: string;
  readonly clientId: string;
  readonly group: string | null;
  readonly isOpen: boolean;
};

/**
 * Revokes what was split off from keys, and from what was split off: whoever had a copied credential has no more when it is
 * revoked. Who has enrolled by another token since stays.
 *
 * @param covers whether the caller may change clients of a group; null of one that has not registered yet
 * @returns the keys concerned
 */
export const revokeSplits = async (
  { tx, append }: { readonly tx: Transaction; readonly append: Append },
  keys: readonly string[],
  covers: (group: string | null) => boolean,
): Promise<readonly string[]> => {
  const splits = (await selectSplits(tx, keys)).filter(({ group }) => covers(group));
  for (const { token, isOpen } of splits) if (isOpen) await deleteToken({ tx, append }, token);
  const rows = await tx<{ publicKey: string; clientId: string }[]>`
    SELECT k.public_key AS "publicKey", k.client_id AS "clientId"
    FROM credential k JOIN enrolment e ON e.id = k.enrolment
    WHERE e.token = ANY(${splits.map(({ token }) => token)}) AND k.revoked_at IS NULL AND k.expires_at > now()
    ORDER BY k.position`;
  for (const { publicKey, clientId } of rows) {
    await append({ type: 'credential-revoked', client: clientId, data: { publicKey, reason: 'revoked' } });
  }
  return rows.map(({ publicKey }) => publicKey);
};

/** `isOpen`: somebody may still enrol by the token, or waits for approval. */
const selectSplits = (tx: Transaction, keys: readonly string[]) => tx<Split[]>`
  WITH RECURSIVE split AS (
    SELECT token, split_id FROM client_split WHERE public_key = ANY(${[...keys]})
    UNION
    SELECT s.token, s.split_id
    FROM split p
    JOIN enrolment e ON e.token = p.token
    JOIN credential k ON k.enrolment = e.id
    JOIN client_split s ON s.public_key = k.public_key)
  SELECT split.token, split.split_id AS "clientId", c.group_path AS "group",
         t.deleted_at IS NULL AND (t.used < t.uses OR EXISTS (
           SELECT FROM enrolment e WHERE e.token = t.id AND e.state = 'pending')) AS "isOpen"
  FROM split
  JOIN enrolment_token t ON t.id = split.token
  LEFT JOIN client c ON c.id = split.split_id AND c.removed_at IS NULL
  ORDER BY t.position`;
