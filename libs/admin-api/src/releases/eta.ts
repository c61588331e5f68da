import { expectedAt, type Standing } from '#domain';
import type { Queryable } from '#event-log';
import { readPolicies } from './policies.js';

/** Clients that lack a release and are to come for it alike. */
type Coming = {
  readonly state: Standing['state'];
  readonly network: 'direct' | 'unreachable';
  /** The nearest group above them with a policy, and the client where it has a policy of its own. */
  readonly group: string;
  readonly own: string | null;
  readonly isPaused: boolean;
};
type Expected = Coming & { readonly at: Date };

/**
 * When all that lack a release will have spoken next, given that all of them are awake; null when nobody can know.
 */
export const readEta = async (db: Queryable, release: string): Promise<Date | null> => {
  const coming = await db<Coming[]>`${selectComing(db, release)}`;
  const policies = await readPolicies(db, coming);
  const now = new Date();
  const expected: Expected[] = [];
  for (const one of coming) {
    const standing = { ...one, isOnline: true, admittedAt: null };
    const at = expectedAt(standing, { policy: policies(one), network: one.network, now });
    if (at === null) return null;
    expected.push({ ...one, at });
  }
  const turns = await selectLastTurns(db, release, expected, now);
  const times = [
    ...expected.map(({ at }) => at.getTime()),
    ...turns.map(({ wait, admittedAt }) => Math.max(now.getTime(), admittedAt.getTime()) + wait),
  ];
  return times.length === 0 ? null : new Date(Math.max(...times));
};

/** The nearest group with a policy stands for all below it, so that a thousand groups without one are looked up once. */
const selectComing = (db: Queryable, release: string) => db`
  WITH lacking AS MATERIALIZED (
    SELECT DISTINCT state, network, who, group_id FROM release_counts(${release})
    WHERE state IN ('pending', 'delivered', 'failed')
  )
  SELECT DISTINCT l.state, l.network, l.who AS own, h.path AS "group", r.paused_at IS NOT NULL AS "isPaused"
  FROM lacking l JOIN (${policyHolders(db)}) h ON h.group_id = l.group_id
  CROSS JOIN (SELECT paused_at FROM release WHERE id = ${release}) r`;

const policyHolders = (db: Queryable) => db`
  SELECT g.id AS group_id, coalesce((
    SELECT s.key FROM settings_level s
    WHERE s.scope = 'group' AND s.key = ANY(g.chain) AND s.values ? 'reachback' ORDER BY length(s.key) DESC LIMIT 1
  ), '') AS path
  FROM group_node g`;

type LastTurn = { readonly wait: number; readonly admittedAt: Date };

/**
 * Of clients that come equally long (milliseconds) after their turn in the rollout, the one whose turn is last; none of
 * those that had theirs. An index leads from the last place down to the first client that lacks the release.
 */
const selectLastTurns = (db: Queryable, release: string, expected: readonly Expected[], now: Date) => db<LastTurn[]>`
  WITH waiting AS (
    SELECT * FROM unnest(
      ${expected.map(({ state }) => state)}::text[], ${expected.map(({ network }) => network)}::text[],
      ${expected.map(({ group }) => group)}::text[], ${expected.map(({ own }) => own)}::text[],
      ${expected.map(({ at }) => String(at.getTime() - now.getTime()))}::bigint[]
    ) AS w (state, network, path, who, wait)
  ), lacking AS MATERIALIZED (
    SELECT DISTINCT c.kind_id, c.group_id, c.network, w.wait
    FROM release_counts(${release}) c
    JOIN (${policyHolders(db)}) h ON h.group_id = c.group_id
    JOIN waiting w ON w.state = c.state AND w.network = c.network AND w.path = h.path AND w.who IS NOT DISTINCT FROM c.who
  )
  SELECT l.wait::float8 AS wait,
         r.rollout_from + r.rollout_over * last.place * interval '1 millisecond' AS "admittedAt"
  FROM release r
  CROSS JOIN (SELECT DISTINCT wait FROM lacking) l
  CROSS JOIN LATERAL (
    SELECT rollout_place(m.client_id) AS place
    FROM cohort_member m JOIN cohort_presence p ON p.id = m.presence_id
    WHERE rollout_place(m.client_id) > admitted_place(r.rollout_from, r.rollout_over, r.paused_at)
      AND (m.kind_id, m.group_id, p.network, l.wait) IN (SELECT kind_id, group_id, network, wait FROM lacking)
    ORDER BY rollout_place(m.client_id) DESC, m.client_id DESC LIMIT 1
  ) last
  WHERE r.id = ${release} AND admitted_place(r.rollout_from, r.rollout_over, r.paused_at) < 1`;
