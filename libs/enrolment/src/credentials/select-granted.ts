import type { Queryable } from '#event-log';

/** What a client's token says of it. */
export type Granted = { readonly group: string | null; readonly labels: Readonly<Record<string, string>> };

/** What the tokens grant by which these clients enrolled; of those that have a credential that is not revoked. */
export const selectGranted = async (
  db: Queryable,
  clientIds: readonly string[],
): Promise<ReadonlyMap<string, Granted>> => {
  const rows = await db<(Granted & { readonly clientId: string })[]>`
    SELECT c.client_id AS "clientId", t.group_path AS "group", t.labels
    FROM credential c
    JOIN enrolment e ON e.id = c.enrolment
    JOIN enrolment_token t ON t.id = e.token
    WHERE c.client_id = ANY(${[...clientIds]}) AND c.revoked_at IS NULL
    ORDER BY c.position`;
  return new Map(rows.map(({ clientId, group, labels }) => [clientId, { group, labels }]));
};
