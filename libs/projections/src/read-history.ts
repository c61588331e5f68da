import { type Cause, type Status, statuses } from '#contracts';
import type { Queryable } from '#event-log';

/** The status of a client at a time. `since` is the time of the transition that led to it. */
export type StatusAt = { readonly status: Status; readonly cause: Cause; readonly since: Date };

/**
 * The status a client had at a time, a removed one's with the cause of its removal; a transition at that very time
 * counts. Undefined before the first one.
 */
export const statusAt = async (db: Queryable, client: string, at: Date): Promise<StatusAt | undefined> => {
  const [row] = await db<StatusAt[]>`
    SELECT status, cause, at AS since FROM status_history
    WHERE client_id = ${client} AND at <= ${at} ORDER BY at DESC, position DESC LIMIT 1`;
  return row;
};

/** When a client took its first status; undefined when it never had one. */
export const firstSeen = async (db: Queryable, client: string): Promise<Date | undefined> => {
  const [row] = await db<{ at: Date }[]>`
    SELECT at FROM status_history WHERE client_id = ${client} ORDER BY at, position LIMIT 1`;
  return row?.at;
};

/** How many registered clients had each status at a time. */
export type FleetCount = { readonly at: Date; readonly total: number; readonly byStatus: Record<Status, number> };

type Part = { readonly point: number; readonly status: Status; readonly delta: number; readonly lasts: boolean };

/**
 * The fleet at some times, which must ascend; transitions at those very times count. Exact, and its cost goes with the
 * hours of history and the number of times, not with the clients: hours before each time's hour (an hour belongs to
 * the first time after it, and to all that follow), then the minutes of that hour, then the transitions of that minute.
 */
export const countFleet = async (db: Queryable, times: readonly Date[]): Promise<readonly FleetCount[]> => {
  const parts = await db<Part[]>`
    WITH point AS MATERIALIZED (
      SELECT at, i::integer FROM unnest(${times.map((at) => at.toISOString())}::timestamptz[]) WITH ORDINALITY AS t (at, i)
    ),
    hours AS MATERIALIZED (
      SELECT array_agg(date_trunc('hour', at) ORDER BY i) AS starts, max(date_trunc('hour', at)) AS last FROM point
    )
    SELECT point, status, sum(delta)::integer AS delta, lasts
    FROM (
      SELECT width_bucket(d.start, h.starts) + 1 AS point, d.status, d.delta, true AS lasts
      FROM hours h JOIN fleet_delta d ON d.span = 'hour' AND d.start < h.last
      UNION ALL
      SELECT p.i, d.status, d.delta, false
      FROM point p
      JOIN fleet_delta d
        ON d.span = 'minute' AND d.start >= date_trunc('hour', p.at) AND d.start < date_trunc('minute', p.at)
      UNION ALL
      SELECT p.i, c.status, c.delta, false
      FROM point p
      JOIN status_history s ON s.at >= date_trunc('minute', p.at) AND s.at <= p.at
      CROSS JOIN LATERAL (VALUES (s.counted, 1), (s.counted_before, -1)) AS c (status, delta)
      WHERE c.status IS NOT NULL
    ) part
    GROUP BY 1, 2, 4`;
  return addUp(times, parts);
};

/**
 * The same of the clients that are in a group or below it now, or were when they were removed. Its cost goes with their
 * transitions.
 */
export const countGroup = async (
  db: Queryable,
  group: string,
  times: readonly Date[],
): Promise<readonly FleetCount[]> => {
  // width_bucket counts the times at or before a transition; a transition at a time belongs to it.
  const parts = await db<Part[]>`
    WITH place AS MATERIALIZED (
      SELECT path FROM group_node WHERE is_within(path, ${group})
    ), member AS MATERIALIZED (
      SELECT id FROM client WHERE removed_at IS NULL AND group_path = ANY(ARRAY(SELECT path FROM place))
      UNION ALL
      SELECT id FROM client WHERE removed_at IS NOT NULL AND group_path = ANY(ARRAY(SELECT path FROM place))
    )
    SELECT point, status, sum(delta)::integer AS delta, true AS lasts
    FROM (
      SELECT width_bucket(s.at - interval '1 microsecond', ${times.map((at) => at.toISOString())}::timestamptz[]) + 1 AS point,
             c.status, c.delta
      FROM member m
      CROSS JOIN LATERAL (SELECT * FROM status_history WHERE client_id = m.id AND at <= ${times.at(-1) ?? null} OFFSET 0) s
      CROSS JOIN LATERAL (VALUES (s.counted, 1), (s.counted_before, -1)) AS c (status, delta)
      WHERE c.status IS NOT NULL
    ) part
    GROUP BY 1, 2`;
  return addUp(times, parts);
};

const addUp = (times: readonly Date[], parts: readonly Part[]): readonly FleetCount[] => {
  const byPoint = new Map<number, Part[]>();
  for (const part of parts) byPoint.set(part.point, [...(byPoint.get(part.point) ?? []), part]);
  const lasting = noClients();
  return times.map((at, i) => {
    const byStatus = noClients();
    for (const { status, delta, lasts } of byPoint.get(i + 1) ?? []) (lasts ? lasting : byStatus)[status] += delta;
    for (const status of statuses) byStatus[status] += lasting[status];
    return { at, total: Object.values(byStatus).reduce((sum, clients) => sum + clients, 0), byStatus };
  });
};

const noClients = (): Record<Status, number> => ({
  Online: 0,
  Offline: 0,
  'Unreachable/Online': 0,
  'Unreachable/Offline': 0,
});
