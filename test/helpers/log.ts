import postgres from 'postgres';

export type Transition = { readonly status: string; readonly cause: string; readonly at: string };

/** Reads the log past the server, as plain SQL can. */
export type LogReader = {
  /** How many contacts of a kind each client has in the log. */
  readonly contacts: (kind: string) => Promise<ReadonlyMap<string, number>>;
  readonly transitions: () => Promise<ReadonlyMap<string, readonly Transition[]>>;
  readonly facts: <T>(type: string) => Promise<readonly { readonly client: string | null; readonly data: T }[]>;
  /** Positions given out that nothing stands at, or that two things stand at. */
  readonly gaps: () => Promise<number>;
  readonly end: () => Promise<void>;
};

export const openLog = (databaseUrl: string): LogReader => {
  const db = postgres(databaseUrl, { max: 2, onnotice: () => undefined });
  return {
    contacts: async (kind) => {
      const rows = await db<{ id: string; count: number }[]>`
        SELECT c.id, count(*)::integer AS count FROM contact k JOIN client c ON c.lane = k.lane AND c.ordinal = k.ordinal
        WHERE k.kind = ${kind} GROUP BY c.id`;
      return new Map(rows.map((row) => [row.id, row.count]));
    },
    transitions: async () => {
      const rows = await db<(Transition & { id: string })[]>`
        SELECT client_id AS id, data->>'status' AS status, data->>'cause' AS cause, data->>'at' AS at
        FROM event WHERE type = 'client-status-changed' ORDER BY position`;
      const byClient = new Map<string, Transition[]>();
      for (const { id, ...transition } of rows) byClient.set(id, [...(byClient.get(id) ?? []), transition]);
      return byClient;
    },
    facts: <T>(type: string) => db<{ client: string | null; data: T }[]>`
      SELECT client_id AS client, data FROM event WHERE type = ${type} ORDER BY position`,
    gaps: async () => {
      const [row] = await db<{ head: number; facts: number; contacts: number }[]>`
        SELECT (SELECT position::integer FROM log_head) AS head, (SELECT count(*)::integer FROM event) AS facts,
               (SELECT coalesce(sum(count), 0)::integer FROM contact_chunk) AS contacts`;
      return row ? row.head - row.facts - row.contacts : Number.NaN;
    },
    end: () => db.end(),
  };
};
