import type { JsonObject, Network } from '#contracts';
import type { QueuedWork, Release, SentWork } from '#domain';
import { lowestHead, type Queryable } from '#event-log';

/** A piece of undelivered work, with the release to fetch when it is an update. */
export type OpenWork = QueuedWork &
  SentWork & {
    readonly clientId: string;
    /** Whether it may be sent now: what is held or paused waits, and a release that has not admitted the client yet. */
    readonly isDeliverable: boolean;
    readonly update: Release | null;
  };

export type ClientRow = {
  readonly id: string;
  readonly ordinal: number;
  readonly group: string;
  readonly agentVersion: string | null;
  readonly installed: Readonly<Record<string, string>>;
  readonly ips: readonly string[];
  readonly removed: boolean;
  readonly network: 'direct' | 'unreachable' | null;
  readonly confirmedRevision: bigint;
  readonly ownSettings: JsonObject | null;
  readonly fleetRevision: bigint;
  readonly chainRevision: bigint;
  readonly revision: bigint;
  readonly networksRevision: bigint;
  /** Which process of its agent took over last, and who spoke before; null where none has said. */
  readonly instance: string | null;
  readonly instanceSince: Date | null;
  readonly instanceSentAt: Date | null;
  readonly pastInstances: readonly string[] | null;
  /** Its copies, of those processes that are known to be of machines that came later. */
  readonly copies: readonly string[] | null;
  /** How far that process has counted its requests, and when; null where it does not. */
  readonly sequence: number | null;
  readonly sequenceAt: Date | null;
  readonly sequenceSentAt: Date | null;
  /** Whether two machines speak as it. */
  readonly copied: boolean;
  /** The one of them that was there before; null where they cannot be told apart yet. */
  readonly copyHolder: string | null;
};

export type KnownClient = { readonly row: ClientRow; readonly work: readonly OpenWork[] };
export type Known = ReadonlyMap<string, KnownClient>;

/** Where the log's head was when a row was read. */
type Since = { readonly since: bigint };

/**
 * The clients with these ids, removed ones too, each with its queue: what a batch of requests needs, in two reads.
 * `since`: the log's head before both.
 */
export const readClients = async (
  db: Queryable,
  ids: readonly string[],
): Promise<{ readonly known: Known; readonly since: bigint }> => {
  const [rows, work] = await Promise.all([selectClients(db, ids), selectWork(db, ids)]);
  return { known: knownFrom(rows, work), since: lowestHead([rows, work]) };
};

export const knownFrom = (rows: readonly ClientRow[], work: readonly WorkRow[]): Known => {
  const known = new Map(rows.map((row) => [row.id, { row, work: [] as OpenWork[] }]));
  for (const item of work) if (item.clientId !== null) known.get(item.clientId)?.work.push(item);
  return known;
};

export const selectClients = (db: Queryable, ids: readonly string[]) => db<(ClientRow & Since)[]>`
  SELECT (SELECT position FROM log_head) AS since, c.id, c.ordinal, c.group_path AS "group",
         c.agent_version AS "agentVersion", c.installed, c.ips, c.removed_at IS NOT NULL AS removed, p.network, c.settings_revision AS "confirmedRevision",
         own.values AS "ownSettings", f.revision AS "fleetRevision", g.chain_revision AS "chainRevision",
         greatest(f.revision, g.chain_revision, c.own_revision) AS revision, n.revision AS "networksRevision",
         i.instance, i.since AS "instanceSince", i.sent_at AS "instanceSentAt", i.past AS "pastInstances",
         i.copies, i.sequence, i.sequence_at AS "sequenceAt", i.sequence_sent_at AS "sequenceSentAt",
         k.client_id IS NOT NULL AS copied, k.instances->0->>'instance' AS "copyHolder"
  FROM client c
  JOIN group_node g ON g.path = c.group_path
  CROSS JOIN (SELECT revision FROM settings_level WHERE scope = 'fleet') f
  CROSS JOIN network_set n
  LEFT JOIN presence p ON p.client_id = c.id
  LEFT JOIN client_instance i ON i.client_id = c.id
  LEFT JOIN client_copy k ON k.client_id = c.id
  LEFT JOIN settings_level own ON own.scope = 'client' AND own.key = c.id
  WHERE c.id = ANY(${[...ids]})`;

/** A piece of work; or of nobody, where there is none. */
type WorkRow = (OpenWork | { readonly clientId: null }) & Since;

/** The queues of clients: one row at least, which says where the head was. */
export const selectWork = (db: Queryable, ids: readonly string[]) => db<WorkRow[]>`
  SELECT h.position AS since, w.client_id AS "clientId", w.kind, w.key, w.revision, w.release, w.state, w.request,
         w.delivered_at AS "deliveredAt", w.is_deliverable AS "isDeliverable",
         CASE WHEN r.id IS NOT NULL THEN jsonb_build_object(
           'component', r.component, 'version', r.version, 'url', r.url, 'sha256', r.sha256, 'size', r.size,
           'deliverBy', to_char(r.deliver_by AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) END AS update
  FROM log_head h
  LEFT JOIN undelivered_work_of(${[...ids]}) w ON true
  LEFT JOIN release r ON r.id = w.release
  ORDER BY w.client_id, w.kind, w.position`;

export const selectNetworks = async (
  db: Queryable,
): Promise<{ readonly revision: bigint; readonly networks: readonly Network[] }> => {
  const [row] = await db<{ revision: bigint; networks: Network[] }[]>`SELECT revision, networks FROM network_set`;
  return row ?? { revision: 0n, networks: [] };
};
