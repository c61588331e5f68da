import { formatDuration } from '#domain';
import type { Queryable } from '#event-log';

/** A release as it was published, and what has been done to it since. */
export type Release = {
  readonly id: string;
  readonly component: string;
  readonly version: string;
  readonly url: string;
  readonly sha256: string;
  readonly size: number;
  readonly target: Record<string, unknown>;
  readonly deliverBy: Date | null;
  readonly rollout: { readonly over: string } | null;
  readonly publishedAt: Date;
  readonly pausedAt: Date | null;
  readonly withdrawnAt: Date | null;
};
type Row = Omit<Release, 'rollout'> & { readonly over: number | null };

const columns = (db: Queryable) => db`
  id, component, version, url, sha256, size::float8 AS size, target, deliver_by AS "deliverBy",
  rollout_over::float8 AS over, published_at AS "publishedAt", paused_at AS "pausedAt", withdrawn_at AS "withdrawnAt"`;

const releaseOf = ({ over, ...row }: Row): Release => ({
  ...row,
  rollout: over === null ? null : { over: formatDuration(over) },
});

export const findRelease = async (db: Queryable, id: string): Promise<Release | undefined> => {
  const [row] = await db<Row[]>`SELECT ${columns(db)} FROM release WHERE id = ${id}`;
  return row && releaseOf(row);
};

/** All releases, those of a component together, newest first. */
export const listReleases = async (db: Queryable): Promise<readonly Release[]> => {
  const rows = await db<Row[]>`SELECT ${columns(db)} FROM release ORDER BY component, position DESC`;
  return rows.map(releaseOf);
};
