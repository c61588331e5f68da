import type { Queryable } from '#event-log';

/** Where a follower stands. `lag` is in positions of the log. */
export type ProjectionState = {
  readonly name: string;
  readonly version: number;
  readonly lane: number;
  readonly position: bigint;
  readonly lag: bigint;
  readonly state: 'running' | 'failed';
  readonly error: string | null;
  readonly updatedAt: Date;
};

export const projectionStates = (db: Queryable): Promise<readonly ProjectionState[]> => db<ProjectionState[]>`
  SELECT c.name, c.version, c.lane, c.position, l.position - c.position AS lag,
         CASE WHEN c.error IS NULL THEN 'running' ELSE 'failed' END AS state, c.error, c.updated_at AS "updatedAt"
  FROM projection_checkpoint c JOIN lane l ON l.id = c.lane
  ORDER BY c.name, c.version, c.lane`;
