import { formatDuration } from '#domain';
import type { ReleaseTarget } from '#contracts';
import type { Queryable } from '#event-log';
import type { Scope } from '../access/scope.js';
import { type Held, isoTime } from '../held.js';
import { seenFrom } from './scoped-target.js';

/** A release as it was published, and what has been done to it since. */
export type Release = {
  readonly id: string;
  readonly component: string;
  readonly version: string;
  readonly url: string;
  readonly sha256: string;
  readonly size: number;
  readonly target: ReleaseTarget;
  readonly deliverBy: Date | null;
  readonly rollout: { readonly over: string } | null;
  readonly publishedAt: Date;
  readonly pausedAt: Date | null;
  readonly withdrawnAt: Date | null;
  readonly within: string | null;
  readonly held: Held | null;
};
type Row = Omit<Release, 'rollout'> & { readonly over: number | null };

const columns = (db: Queryable) => db`
  id, component, version, url, sha256, size::float8 AS size, target, deliver_by AS "deliverBy",
  rollout_over::float8 AS over, published_at AS "publishedAt", paused_at AS "pausedAt", withdrawn_at AS "withdrawnAt",
  to_within AS within,
  CASE WHEN held_at IS NOT NULL THEN jsonb_build_object('at', ${isoTime(db, 'held_at')}, 'reason', held_reason) END AS held`;

const releaseOf = ({ over, ...row }: Row): Release => ({
  ...row,
  rollout: over === null ? null : { over: formatDuration(over) },
});

/**
 * That a release may be for somebody within a scope: for all, or by labels alone; by a group within it or above; or by
 * the name of a client within.
 */
const concerns = (db: Queryable, scope: Scope) => {
  if (scope.isFleet) return db`true`;
  const touches = (path: ReturnType<typeof db>) =>
    db`(is_within(${scope.group}, ${path}) OR is_within(${path}, ${scope.group}))`;
  return db`(to_within IS NULL OR ${touches(db`to_within`)})
    AND (to_all OR (to_some AND to_groups IS NULL)
      OR EXISTS (SELECT FROM unnest(to_groups) g (path) WHERE ${touches(db`g.path`)})
      OR EXISTS (SELECT FROM release_client t JOIN client c ON c.id = t.client_id
                 WHERE t.release = release.id ${scope.condition(db, 'c.group_path')}))`;
};

/** A release as it looks from a scope; undefined when it is for nobody there. */
export const findRelease = async (db: Queryable, scope: Scope, id: string): Promise<Release | undefined> => {
  const rows = await db<Row[]>`SELECT ${columns(db)} FROM release WHERE id = ${id} AND ${concerns(db, scope)}`;
  return (await seenFrom(db, scope, rows)).map(releaseOf)[0];
};

/** All releases that are for anybody in a scope, those of a component together, newest first. */
export const listReleases = async (db: Queryable, scope: Scope): Promise<readonly Release[]> => {
  const rows = await db<Row[]>`
    SELECT ${columns(db)} FROM release WHERE ${concerns(db, scope)} ORDER BY component, position DESC`;
  return (await seenFrom(db, scope, rows)).map(releaseOf);
};
