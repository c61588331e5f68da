import type { NotifyReason } from '#contracts';
import type { Queryable } from '#event-log';
import type { Answer } from './asker.js';
import { retries } from './rules.js';

/** A single client that is to be told now. */
export type DueClient = DueMark & {
  readonly reason: NotifyReason;
  /** How often it was asked in vain. */
  readonly attempts: number;
};

/** Has direct clients told at once, whatever was to be tried again before. */
export const makeDue = async (db: Queryable, clientIds: readonly string[], reason: NotifyReason): Promise<void> => {
  await db`
    INSERT INTO notification_due (client_id, reason, attempts, next_at)
    SELECT c.id, ${reason}, 0, now()
    FROM client c JOIN presence p ON p.client_id = c.id AND p.network = 'direct'
    WHERE c.id = ANY(${[...clientIds]}) AND c.removed_at IS NULL
    ORDER BY c.id
    ON CONFLICT (client_id) DO UPDATE SET reason = excluded.reason, attempts = 0, next_at = excluded.next_at`;
};

/**
 * Has those told again, after a while, who did not answer a change that was told for the first time. Who is to be told
 * of a newer one at once (no attempts yet) is left at that.
 */
export const retryLater = async (
  db: Queryable,
  clientIds: readonly string[],
  reason: NotifyReason,
  interval: number,
): Promise<void> => {
  await db`
    INSERT INTO notification_due AS n (client_id, reason, attempts, next_at)
    SELECT id, ${reason}, 1, now() + ${interval} * interval '1 millisecond'
    FROM unnest(${[...clientIds]}::text[]) AS u (id) ORDER BY id
    ON CONFLICT (client_id) DO UPDATE SET reason = excluded.reason, attempts = 1, next_at = excluded.next_at
    WHERE n.attempts > 0`;
};

/** When a client was to be told next, as text, which tells one state of its row from the next. */
export type DueMark = { readonly clientId: string; readonly claim: string };

/** The marks that clients have, for {@link forgetDue}: to be read before they are asked. */
export const readMarks = (db: Queryable, clientIds: readonly string[]) => db<DueMark[]>`
  SELECT client_id AS "clientId", next_at::text AS claim FROM notification_due WHERE client_id = ANY(${[...clientIds]})`;

/** As text, because postgres.js would cut a timestamp to milliseconds. */
const marksOf = (db: Queryable, marks: readonly DueMark[]) => db`
  unnest(${marks.map(({ clientId }) => clientId)}::text[], ${marks.map(({ claim }) => claim)}::text[])
    AS u (client_id, claim)`;

/** Forgets clients, unless something has happened to their rows since. Locks in the order of ids, as every writer does. */
export const forgetDue = async (db: Queryable, marks: readonly DueMark[]): Promise<void> => {
  if (marks.length === 0) return;
  await db`
    DELETE FROM notification_due WHERE client_id IN (
      SELECT n.client_id FROM notification_due n
      JOIN ${marksOf(db, marks)} ON n.client_id = u.client_id AND n.next_at = u.claim::timestamptz
      ORDER BY n.client_id FOR UPDATE OF n)`;
};

/**
 * Takes clients whose time has come; for `lease` milliseconds nobody else gets them. It is not renewed: it covers the wait
 * for the answer, and writing it down.
 */
export const claimDue = (db: Queryable, limit: number, lease: number): Promise<readonly DueClient[]> => db<DueClient[]>`
  UPDATE notification_due n SET next_at = now() + ${lease} * interval '1 millisecond'
  FROM (
    SELECT client_id FROM notification_due WHERE next_at <= now() ORDER BY next_at LIMIT ${limit} FOR UPDATE SKIP LOCKED
  ) due
  WHERE n.client_id = due.client_id
  RETURNING n.client_id AS "clientId", n.reason, n.attempts, n.next_at::text AS claim`;

/**
 * Of these clients, those that still are to be told: registered, direct, and with work that has not reached them. Who
 * has fetched its work meanwhile is not told again (R18).
 */
export const selectStillLacking = (db: Queryable, clientIds: readonly string[]) => db<{ id: string; ips: string[] }[]>`
  SELECT c.id, c.ips
  FROM unnest(${[...clientIds]}::text[]) AS u (id)
  JOIN client c ON c.id = u.id AND c.removed_at IS NULL
  JOIN presence p ON p.client_id = c.id AND p.network = 'direct'
  CROSS JOIN LATERAL (
    SELECT FROM undelivered_work w WHERE w.client_id = u.id AND w.state = 'pending' AND w.is_deliverable LIMIT 1) w`;

/** Writes down what became of claimed clients, if nothing newer has happened to them since. */
export const settleDue = async (
  db: Queryable,
  claimed: readonly DueClient[],
  answers: readonly Answer[],
  interval: number,
): Promise<void> => {
  const silent = new Set(answers.filter(({ answered }) => !answered).map(({ clientId }) => clientId));
  const isToRetry = ({ clientId, attempts }: DueClient): boolean => silent.has(clientId) && attempts < retries;
  const again = claimed.filter(isToRetry);
  await forgetDue(
    db,
    claimed.filter((client) => !isToRetry(client)),
  );
  if (again.length === 0) return;
  await db`
    UPDATE notification_due n
    SET attempts = n.attempts + 1, next_at = now() + ${interval} * interval '1 millisecond'
    FROM (
      SELECT n.client_id FROM notification_due n
      JOIN ${marksOf(db, again)} ON n.client_id = u.client_id AND n.next_at = u.claim::timestamptz
      ORDER BY n.client_id FOR UPDATE OF n
    ) again
    WHERE n.client_id = again.client_id`;
};
