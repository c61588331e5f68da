import type { Database } from '#event-log';
import type { Sent } from './api-main.js';

type PlanNode = {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly Plans?: readonly PlanNode[];
};

/** Tables that grow with the fleet or with time. */
const big =
  /^(client|presence|delivery|event|audit|status_history|cohort_member|contact_chunk.*|enrolment|enrolment_token|credential)$/;

/** The big tables that Postgres reads from end to end for a statement. */
export const scannedBy = async (db: Database, { query, parameters }: Sent): Promise<readonly string[]> => {
  const [row] = await db.unsafe<{ 'QUERY PLAN': readonly { readonly Plan: PlanNode }[] }[]>(
    `EXPLAIN (FORMAT JSON) ${query}`,
    parameters as never[],
  );
  return (row?.['QUERY PLAN'] ?? []).flatMap(({ Plan }) => scansIn(Plan));
};

const scansIn = (node: PlanNode): readonly string[] => {
  const name = node['Relation Name'];
  const own = node['Node Type'] === 'Seq Scan' && name !== undefined && big.test(name) ? [name] : [];
  return [...own, ...(node.Plans ?? []).flatMap(scansIn)];
};
