import { createHmac, randomInt } from 'node:crypto';
import type { CopiedInstance, FactMeta, Lanes, SplitRight } from '#contracts';
import type { Transaction } from '#event-log';
import { appender, type EnrolmentContext } from '../context.js';
import { bearerUntil, createToken } from '../tokens/create-token.js';
import { formatToken } from '../tokens/token-text.js';

/** For how long a copy may take what it is offered; who comes later is offered it anew. */
const lifetime = 'PT15M';
/** Of one client's copies as many are split off in a day at most, so that nobody fills the fleet with one credential. */
const maxInADay = 1_000;
const maxIdLength = 64;
const suffixLength = 8;
const letters = 'abcdefghijkmnpqrstuvwxyz23456789';

export type SplitContext = Pick<EnrolmentContext, 'authority'> & {
  readonly lanes: Lanes;
  /** What the servers of an installation share with no agent: secrets of these tokens come of it, and are kept nowhere. */
  readonly secret: Uint8Array;
};

/** A process that speaks with the credential of a client whose copy it is. */
export type CopyOf = CopiedInstance & {
  readonly instance: string;
  readonly clientId: string;
  /** Whether an administrator has to approve it, whatever the client's token says. */
  readonly onApproval: boolean;
};

/**
 * What a copy needs to become a client of its own: a token for a new id that is good once, with the group and the labels of
 * the client whose copy it is. Asked again, it is told the same, for as long as that is good.
 *
 * It has to be approved where the client had to; where the client did not enrol, so that nobody said; and where the client
 * was itself split off, so that copies of copies do not multiply by themselves.
 *
 * @returns undefined when it has used it, or an administrator deleted it, or too many were split off today
 */
export const offerSplit = async (
  { authority, lanes, secret }: SplitContext,
  tx: Transaction,
  { onApproval, ...copy }: CopyOf,
  correlation: string,
): Promise<SplitRight | undefined> => {
  const before = await selectLast(tx, copy);
  if (before?.isSpent) return undefined;
  const secretOf = (id: string): string => createHmac('sha256', secret).update(`split ${id}`).digest('base64url');
  if (before?.isGood) {
    const { token, publicKey, expiresAt } = before;
    const jwt = authority.issueEnrolment({ tokenId: token, publicKey, expiresAt: bearerUntil(expiresAt) });
    return {
      clientId: before.clientId,
      token: formatToken(token, secretOf(token), jwt),
      expiresAt: expiresAt.toISOString(),
    };
  }
  const origin = await selectOrigin(tx, copy.clientId);
  if (!origin || origin.splitsToday >= maxInADay) return undefined;
  const { group, labels, publicKey, needsApproval } = origin;
  const meta: FactMeta = { actor: 'system', correlation };
  const append = appender(tx, lanes, meta);
  const clientId = nameCopy(copy.clientId);
  const approval = onApproval || needsApproval !== false;
  const body = { clientId, group, labels, uses: 1, approval, expiresIn: lifetime };
  const created = await createToken({ authority }, { tx, append }, body, secretOf);
  const { instance, address, ips } = copy;
  const data = { token: created.id, clientId, instance, address, ips, publicKey };
  await append({ type: 'client-split-offered', client: copy.clientId, data });
  return { clientId, token: created.token, expiresAt: created.expiresAt };
};

/** The client's own id, as far as there is room, and letters by chance that nobody has had yet. */
const nameCopy = (clientId: string): string => {
  const suffix = Array.from({ length: suffixLength }, () => letters[randomInt(letters.length)]).join('');
  return `${clientId.slice(0, maxIdLength - suffixLength - 1)}-${suffix}`;
};

type Offered = {
  readonly token: string;
  readonly clientId: string;
  readonly publicKey: string;
  readonly expiresAt: Date;
  readonly isSpent: boolean;
  readonly isGood: boolean;
};

const selectLast = async (tx: Transaction, { clientId, instance }: Omit<CopyOf, 'onApproval'>) => {
  const [row] = await tx<Offered[]>`
    SELECT s.token, s.split_id AS "clientId", t.public_key AS "publicKey", t.expires_at AS "expiresAt",
           s.split_at IS NOT NULL OR t.deleted_at IS NOT NULL AS "isSpent", t.expires_at > now() AS "isGood"
    FROM client_split s JOIN enrolment_token t ON t.id = s.token
    WHERE s.client_id = ${clientId} AND s.instance = ${instance} ORDER BY s.position DESC LIMIT 1`;
  return row;
};

type Origin = {
  readonly group: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Of the credential that it has; null where it did not enrol. */
  readonly publicKey: string | null;
  readonly needsApproval: boolean | null;
  readonly splitsToday: number;
};

const selectOrigin = async (tx: Transaction, clientId: string): Promise<Origin | undefined> => {
  const [row] = await tx<Origin[]>`
    SELECT c.group_path AS "group", c.labels, k.public_key AS "publicKey",
           t.approval OR EXISTS (SELECT FROM client_split s WHERE s.token = t.id) AS "needsApproval",
           (SELECT count(*)::integer FROM client_split s JOIN enrolment_token o ON o.id = s.token
            WHERE s.client_id = c.id AND o.created_at > now() - interval '1 day') AS "splitsToday"
    FROM client c
    LEFT JOIN credential k ON k.client_id = c.id AND k.revoked_at IS NULL AND k.expires_at > now()
    LEFT JOIN enrolment e ON e.id = k.enrolment
    LEFT JOIN enrolment_token t ON t.id = e.token
    WHERE c.id = ${clientId} ORDER BY k.position DESC LIMIT 1`;
  return row;
};
