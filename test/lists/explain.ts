import type { Database } from '#event-log';
import type { Sent } from './api-main.js';

type PlanNode = {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly PlanNode[];
};

/** Tables that grow with the fleet or with time. */
const big =
  /^(client|presence|delivery|event|audit|status_history|cohort_member|contact_chunk.*|enrolment|enrolment_token|credential)$/;

/** In bytes: the chunks of a day that has just begun are read from end to end, and rightly so. */
const smallDay = 1_000_000;

/** The big tables that Postgres reads from end to end for a statement. */
export const scannedBy = async (db: Database, sent: Sent): Promise<readonly string[]> => {
  const nodes = await explain(db, 'EXPLAIN (FORMAT JSON)', sent);
  const scanned = nodes
    .filter((node) => node['Node Type'] === 'Seq Scan')
    .flatMap((node) => node['Relation Name'] ?? [])
    .filter((name) => big.test(name));
  const small = await db<{ name: string }[]>`
    SELECT name FROM unnest(${scanned}::text[]) AS s (name)
    WHERE starts_with(name, 'contact_chunk_') AND pg_relation_size(name::regclass) < ${smallDay}`;
  return scanned.filter((name) => !small.some((one) => one.name === name));
};

/** How many rows of a table Postgres looks at for a statement, which is executed. */
export const rowsRead = async (db: Database, sent: Sent, table: string): Promise<number> => {
  const nodes = await explain(db, 'EXPLAIN (ANALYZE, FORMAT JSON)', sent);
  return nodes
    .filter((node) => node['Relation Name'] === table)
    .map((node) =>
      Math.round(((node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0)) * (node['Actual Loops'] ?? 0)),
    )
    .reduce((sum, rows) => sum + rows, 0);
};

const explain = async (db: Database, how: string, { query, parameters }: Sent): Promise<readonly PlanNode[]> => {
  const [row] = await db.unsafe<{ 'QUERY PLAN': readonly { readonly Plan: PlanNode }[] }[]>(
    `${how} ${query}`,
    parameters as never[],
  );
  return (row?.['QUERY PLAN'] ?? []).flatMap(({ Plan }) => nodesOf(Plan));
};

const nodesOf = (node: PlanNode): readonly PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];
