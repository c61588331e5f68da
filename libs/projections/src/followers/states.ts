import type { Queryable } from '#event-log';
import { longestWindow } from './rebuild.js';

/** How far a rebuild has come; `head` is where the log is. */
export type RebuildState = {
  readonly position: string;
  readonly head: string;
  /** Positions a second; null before it was measured, and while nobody works on it. */
  readonly perSecond: number | null;
  /** When it will have come to the head; null while that cannot be said. */
  readonly eta: string | null;
  readonly startedAt: string;
  readonly error: string | null;
};

/** Where a follower stands. `lag` is in positions of the log. */
export type ProjectionState = {
  readonly name: string;
  readonly version: number;
  readonly position: bigint;
  readonly lag: bigint;
  readonly state: 'running' | 'failed' | 'rebuilding';
  readonly error: string | null;
  readonly updatedAt: Date;
  /** Null when none is under way. */
  readonly rebuild: RebuildState | null;
};

const iso = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"';

export const projectionStates = (db: Queryable): Promise<readonly ProjectionState[]> => db<ProjectionState[]>`
  SELECT c.name, c.version, c.position, h.position - c.position AS lag,
         CASE WHEN r.name IS NOT NULL THEN 'rebuilding' WHEN c.error IS NULL THEN 'running' ELSE 'failed' END AS state,
         c.error, c.updated_at AS "updatedAt",
         CASE WHEN r.name IS NOT NULL THEN jsonb_build_object(
           'position', r.position::text, 'head', h.position::text, 'error', r.error,
           'perSecond', round(speed.per_second), 'eta', to_char(
             (now() + (h.position - r.position) / speed.per_second * interval '1 second') AT TIME ZONE 'UTC', ${iso}),
           'startedAt', to_char(r.started_at AT TIME ZONE 'UTC', ${iso})) END AS rebuild
  FROM projection_checkpoint c
  CROSS JOIN log_head h
  LEFT JOIN projection_rebuild r ON r.name = c.name
  LEFT JOIN LATERAL (
    SELECT r.per_second
    WHERE r.error IS NULL AND r.per_second >= 1 AND r.window_at > now() - make_interval(secs => ${longestWindow})
  ) speed ON true
  ORDER BY c.name, c.version`;
