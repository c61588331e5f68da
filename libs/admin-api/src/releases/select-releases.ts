import type { Queryable } from '#event-log';

/** A release as it was published. */
export type ReleaseRow = {
  readonly id: string;
  readonly component: string;
  readonly version: string;
  readonly url: string;
  readonly sha256: string;
  readonly size: number;
  readonly target: Record<string, unknown>;
  readonly deliverBy: Date | null;
  readonly publishedAt: Date;
};

const columns = (db: Queryable) => db`
  id, component, version, url, sha256, size::float8 AS size, target, deliver_by AS "deliverBy", published_at AS "publishedAt"`;

export const findRelease = async (db: Queryable, id: string): Promise<ReleaseRow | undefined> => {
  const [row] = await db<ReleaseRow[]>`SELECT ${columns(db)} FROM release WHERE id = ${id}`;
  return row;
};

/** All releases, those of a component together, newest first. */
export const listReleases = (db: Queryable) => db<ReleaseRow[]>`
  SELECT ${columns(db)} FROM release ORDER BY component, position DESC`;

export type ReleaseProgress = {
  readonly targeted: number;
  readonly pending: number;
  readonly delivered: number;
  readonly acknowledged: number;
  readonly failed: number;
  readonly expired: number;
  readonly superseded: number;
};

/**
 * Where each client stands that a release is for, counted; and when those that still lack it will have polled: null
 * when none does, or when one of them is offline and nobody can know.
 */
export const readProgress = async (
  db: Queryable,
  id: string,
): Promise<{ readonly progress: ReleaseProgress; readonly unfinished: number; readonly offline: number }> => {
  const [row] = await db<(ReleaseProgress & { unfinished: number; offline: number })[]>`
    WITH standing AS (
      SELECT p.status, CASE
        WHEN d.state = 'acknowledged' OR c.installed->>r.component = r.version THEN 'acknowledged'
        WHEN EXISTS (SELECT FROM release n WHERE n.component = r.component AND n.position > r.position
                     AND release_targets(n.target, c.id, c.group_path, c.labels)) THEN 'superseded'
        WHEN r.deliver_by <= now() THEN 'expired'
        ELSE coalesce(d.state, 'pending') END AS state
      FROM release r
      JOIN client c ON c.removed_at IS NULL AND release_targets(r.target, c.id, c.group_path, c.labels)
      LEFT JOIN delivery d ON d.client_id = c.id AND d.kind = 'update' AND d.key = r.component AND d.revision = r.version
      LEFT JOIN presence p ON p.client_id = c.id
      WHERE r.id = ${id}
    )
    SELECT count(*)::integer AS targeted,
           (count(*) FILTER (WHERE state = 'pending'))::integer AS pending,
           (count(*) FILTER (WHERE state = 'delivered'))::integer AS delivered,
           (count(*) FILTER (WHERE state = 'acknowledged'))::integer AS acknowledged,
           (count(*) FILTER (WHERE state = 'failed'))::integer AS failed,
           (count(*) FILTER (WHERE state = 'expired'))::integer AS expired,
           (count(*) FILTER (WHERE state = 'superseded'))::integer AS superseded,
           (count(*) FILTER (WHERE state IN ('pending', 'delivered')))::integer AS unfinished,
           (count(*) FILTER (WHERE state IN ('pending', 'delivered') AND status LIKE '%Offline'))::integer AS offline
    FROM standing`;
  if (!row) throw new Error('A count always has a row.');
  const { unfinished, offline, ...progress } = row;
  return { progress, unfinished, offline };
};
