import type { ClientSort } from '#contracts';
import type { Database } from '#event-log';

/** SQL on the columns of the table `everybody`. */
export type Condition = string;

/** Writes down of everybody what lists are filtered and sorted by, as it is now. */
export const writeDown = async (db: Database): Promise<void> => {
  await db`DROP TABLE IF EXISTS everybody`;
  await db`
    CREATE TABLE everybody AS
    SELECT c.id, c.list_name AS name, p.status, p.since, c.registered_at AS "registeredAt", c.labels,
           c.group_path AS grp, p.network_name AS net, lower(c.id || ' ' || c.list_name) AS names,
           c.id IN (SELECT client_id FROM undelivered_work) AS lacks
    FROM client c JOIN presence p ON p.client_id = c.id WHERE c.removed_at IS NULL`;
};

type Page = {
  readonly sort: ClientSort;
  readonly isDescending: boolean;
  readonly from: string | undefined;
  readonly count: number;
};

/** The ids of a page, by looking at everybody. */
export const slowPage = async (db: Database, condition: Condition, page: Page): Promise<readonly string[]> => {
  const { sort, isDescending, from, count } = page;
  const [direction, sign] = isDescending ? ['DESC', '<'] : ['ASC', '>'];
  const place = `(SELECT "${sort}" FROM everybody WHERE id = '${from}')`;
  const after = from === undefined ? 'true' : `("${sort}", id) ${sign} (${place}, '${from}')`;
  const rows = await db.unsafe<{ id: string }[]>(`
    SELECT id FROM everybody WHERE ${condition} AND ${after}
    ORDER BY "${sort}" ${direction}, id ${direction} LIMIT ${count}`);
  return rows.map(({ id }) => id);
};

export const slowTotal = async (db: Database, condition: Condition): Promise<number> => {
  const [row] = await db.unsafe<{ total: number }[]>(
    `SELECT count(*)::integer AS total FROM everybody WHERE ${condition}`,
  );
  return row?.total ?? 0;
};
