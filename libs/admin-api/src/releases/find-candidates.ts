import type { ProgressState } from '#contracts';
import type { Queryable } from '#event-log';
import type { Scope } from '../access/scope.js';

type Wanted = {
  readonly id: string;
  readonly state: ProgressState | undefined;
  /** The id after which the page begins. */
  readonly after: string;
  readonly count: number;
};
/** Ids in order; `end`: where the search was left off, where there may be more after it. */
type Candidates = { readonly candidates: readonly string[]; readonly end?: string };

/** Clients whose standing is composed before the cohorts are asked. */
const composes = 600;
/** Clients of a state that are all collected and sorted: some 15 ms. */
const collects = 5_000;
/** Clients that are looked at in the order of their ids, where more are in the state: some 40 ms. */
const looksAt = 12_000;

/** The next clients in the order of their ids, whatever their state: some 20 ms, for each one's standing is composed. */
export const nextClients = async (db: Queryable, scope: Scope, after: string): Promise<Candidates> => {
  const rows = await db<{ id: string }[]>`
    SELECT id FROM client WHERE removed_at IS NULL AND id > ${after} ${scope.condition(db, 'group_path')}
    ORDER BY id LIMIT ${composes}`;
  const candidates = rows.map(({ id }) => id);
  const end = candidates.at(-1);
  return candidates.length < composes || end === undefined ? { candidates } : { candidates, end };
};

/**
 * The next clients that stand so with a release. Their cohorts know how many do: where these are few, they are found by
 * them; else the order of ids is gone through, for a bounded number of clients, after which a page ends early (ADR 0010).
 */
export const findCandidates = async (db: Queryable, scope: Scope, wanted: Wanted): Promise<Candidates> => {
  const [counted, tallied] = await Promise.all([countByCohort(db, wanted), selectTallied(db, wanted)]);
  if (counted + tallied === 0) return { candidates: [] };
  return counted + tallied <= collects ? collect(db, scope, wanted) : look(db, scope, wanted, tallied > 0);
};

/** How many stand so by their cohorts, from the sums of these. */
const countByCohort = async (db: Queryable, wanted: Wanted): Promise<number> => {
  const [row] = await db<{ clients: number }[]>`
    SELECT coalesce(sum(s.clients), 0)::integer AS clients FROM release_counts(${wanted.id}) s
    WHERE ${isWanted(db, wanted)} AND s.kind_id IS NOT NULL`;
  return row?.clients ?? 0;
};

/** Acknowledgements that are only numbers: by their cohorts these clients stand elsewhere. */
const selectTallied = async (db: Queryable, { id, state }: Wanted): Promise<number> => {
  if (state !== 'acknowledged') return 0;
  const [row] = await db<{ acknowledged: number }[]>`SELECT acknowledged FROM release_tally WHERE release = ${id}`;
  return row?.acknowledged ?? 0;
};

const collect = async (db: Queryable, scope: Scope, wanted: Wanted): Promise<Candidates> => {
  const rows = await db<{ id: string }[]>`
    WITH standing AS MATERIALIZED (${standing(db, wanted)})
    SELECT id FROM (
      SELECT m.client_id AS id FROM standing s CROSS JOIN LATERAL (
        SELECT m.client_id FROM cohort_member m WHERE m.kind_id = s.kind_id AND m.group_id = s.group_id OFFSET 0
      ) m
      UNION
      SELECT client_id FROM delivery
      WHERE ${wanted.state === 'acknowledged'} AND release = ${wanted.id} AND state = 'acknowledged' AND is_tallied
    ) found
    WHERE id > ${wanted.after} ${within(db, scope)} ORDER BY id`;
  return { candidates: rows.map(({ id }) => id) };
};

const isWanted = (db: Queryable, { state }: Wanted) => (state === undefined ? db`true` : db`s.state = ${state}`);

const standing = (db: Queryable, wanted: Wanted) =>
  db`SELECT s.kind_id, s.group_id FROM cohorts_standing(${wanted.id}) s WHERE ${isWanted(db, wanted)}`;

/** Cohorts do not say where a client is. */
const within = (db: Queryable, scope: Scope) =>
  scope.isFleet ? db`` : db`AND id IN (SELECT c.id FROM client c WHERE c.group_path = ANY(${scope.paths(db)}))`;

const look = async (db: Queryable, scope: Scope, wanted: Wanted, isTallied: boolean): Promise<Candidates> => {
  const { id, state, after, count } = wanted;
  // By its cohort, a client that is tallied is superseded, or the release withdrawn; it has it all the same.
  const tallied = db`EXISTS (
    SELECT FROM release r JOIN delivery d ON d.key = r.component AND d.revision = r.version
    WHERE r.id = ${id} AND d.client_id = o.id AND d.kind = 'update' AND d.is_tallied OFFSET 0)`;
  const condition = scope.condition(db, 'c.group_path');
  const isElsewhere = state === 'superseded' || state === 'withdrawn';
  const rows = await db<{ id: string | null; end: string | null }[]>`
    WITH standing AS MATERIALIZED (${standing(db, wanted)}),
    horizon AS MATERIALIZED (
      SELECT c.id FROM client c WHERE c.removed_at IS NULL AND c.id > ${after} ${condition}
      ORDER BY c.id
      LIMIT 1 OFFSET ${Math.max(looksAt, count) - 1}
    )
    SELECT r.id, (SELECT h.id FROM horizon h) AS "end"
    FROM (SELECT) one LEFT JOIN (
      SELECT o.id FROM (
        SELECT c.id FROM client c WHERE c.removed_at IS NULL AND c.id > ${after} ${condition}
      ORDER BY c.id
        LIMIT ${Math.max(looksAt, count)}
      ) o
      WHERE (EXISTS (
        SELECT FROM cohort_member k WHERE k.client_id = o.id
          AND (k.kind_id, k.group_id) IN (SELECT s.kind_id, s.group_id FROM standing s) OFFSET 0
      ) ${isElsewhere ? db`AND NOT ${tallied}` : db``}) ${isTallied ? db`OR ${tallied}` : db``}
      LIMIT ${count}
    ) r ON true`;
  const candidates = rows.flatMap((row) => row.id ?? []);
  const end = rows[0]?.end;
  return candidates.length === count || !end ? { candidates } : { candidates, end };
};
