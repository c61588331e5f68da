import { expectedAt, type Standing } from '#domain';
import type { Queryable } from '#event-log';
import type { Scope } from '../access/scope.js';
import { readPolicies } from './policies.js';

/** Clients that stand alike with a release, and come for it alike. */
export type Alike = {
  readonly state: Standing['state'];
  readonly isOnline: boolean;
  readonly network: 'direct' | 'unreachable';
  /** The nearest group above them that has a policy, and the client where it is counted by itself. */
  readonly group: string;
  readonly own: string | null;
  readonly clients: number;
};
type Expected = Alike & { readonly at: Date };
type Progressing = { readonly id: string; readonly isPaused: boolean };

/**
 * When all that lack a release will have spoken next at the latest; null when nobody lacks it, or when nobody can know
 * (G10).
 */
export const readEta = async (
  db: Queryable,
  scope: Scope,
  { id, isPaused }: Progressing,
  lacking: readonly Alike[],
  now: Date,
): Promise<Date | null> => {
  if (lacking.length === 0 || lacking.some(({ isOnline }) => !isOnline)) return null;
  const policies = await readPolicies(db, lacking);
  const expected: Expected[] = [];
  for (const one of lacking) {
    const standing = { ...one, isPaused, admittedAt: null };
    const at = expectedAt(standing, { policy: policies(one), network: one.network, now });
    if (at === null) return null;
    expected.push({ ...one, at });
  }
  const turns = (await isAdmitting(db, id)) ? await selectLastTurns(db, scope, id, expected, now) : [];
  const times = [
    ...expected.map(({ at }) => at.getTime()),
    ...turns.map(({ wait, admittedAt }) => Math.max(now.getTime(), admittedAt.getTime()) + wait),
  ];
  return new Date(Math.max(...times));
};

const isAdmitting = async (db: Queryable, id: string): Promise<boolean> => {
  const [row] = await db`
    SELECT FROM release WHERE id = ${id} AND admitted_place(rollout_from, rollout_over, paused_at) < 1`;
  return row !== undefined;
};

type LastTurn = { readonly wait: number; readonly admittedAt: Date };

/**
 * Of clients that come equally long (milliseconds) after their turn in the rollout, the one whose turn is last; none of
 * those that had theirs. They are looked for where they are sooner found: in the groups that have some of them, or from
 * the last place down, where one of as many clients lacks the release as it takes steps. Whoever was found to lack it
 * and has expired since is among them: a deadline that passes meanwhile must not take their turn alone away.
 */
const selectLastTurns = (db: Queryable, scope: Scope, release: string, expected: readonly Expected[], now: Date) => db<
  LastTurn[]
>`
  WITH waiting AS (
    SELECT * FROM unnest(
      ${expected.map(({ state }) => state)}::text[], ${expected.map(({ network }) => network)}::text[],
      ${expected.map(({ group }) => group)}::text[], ${expected.map(({ own }) => own)}::text[],
      ${expected.map(({ at }) => String(at.getTime() - now.getTime()))}::bigint[]
    ) AS w (state, network, path, who, wait)
  ), lacking AS MATERIALIZED (
    SELECT c.kind_id, c.class, c.network, w.wait, sum(c.clients) AS clients
    FROM release_counts(${release}, ${scope.group}) c
    JOIN waiting w
      ON (w.state = c.state OR (c.state = 'expired' AND w.state <> 'delivered'))
     AND w.network = c.network AND w.path = c.policy_group AND w.who IS NOT DISTINCT FROM c.who
    GROUP BY 1, 2, 3, 4
  ), place AS MATERIALIZED (
    SELECT group_id, path, class FROM cohort_group WHERE true ${scope.condition(db, 'path')}
  ), near AS MATERIALIZED (
    SELECT g.group_id, g.path, g.class, sum(c.clients) AS clients
    FROM cohort c JOIN place g ON g.group_id = c.group_id
    WHERE g.class IN (SELECT class FROM lacking)
    GROUP BY 1, 2, 3 HAVING bool_or((c.kind_id, g.class) IN (SELECT kind_id, class FROM lacking))
  ), search AS MATERIALIZED (
    SELECT (SELECT sum(clients) FROM near) * (SELECT sum(clients) FROM lacking) <= (SELECT sum(clients) FROM cohort) AS is_near
  ), last AS (
    SELECT l.wait, l.place FROM (
      SELECT l.wait, max(rollout_place(m.client_id)) AS place
      FROM near g
      CROSS JOIN LATERAL (SELECT id FROM client WHERE group_path = g.path AND removed_at IS NULL OFFSET 0) c
      CROSS JOIN LATERAL (SELECT * FROM cohort_member WHERE client_id = c.id OFFSET 0) m
      JOIN cohort_presence p ON p.id = m.presence_id
      JOIN lacking l ON l.kind_id = m.kind_id AND l.class = g.class AND l.network = p.network
      GROUP BY l.wait
    ) l WHERE (SELECT is_near FROM search)
    UNION ALL
    SELECT l.wait, w.place
    FROM (SELECT DISTINCT wait FROM lacking WHERE NOT (SELECT is_near FROM search)) l
    CROSS JOIN LATERAL (
      SELECT rollout_place(m.client_id) AS place
      FROM cohort_member m
      JOIN place g ON g.group_id = m.group_id
      JOIN cohort_presence p ON p.id = m.presence_id
      WHERE (m.kind_id, g.class, p.network, l.wait) IN (SELECT kind_id, class, network, wait FROM lacking)
      ORDER BY rollout_place(m.client_id) DESC, m.client_id DESC LIMIT 1
    ) w
  )
  SELECT l.wait::float8 AS wait, r.rollout_from + r.rollout_over * l.place * interval '1 millisecond' AS "admittedAt"
  FROM last l CROSS JOIN release r
  WHERE r.id = ${release}`;
