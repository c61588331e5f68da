import type { NewFact } from '#contracts';
import { countsAgainst, countsFor, type QueuedWork } from '#domain';
import type { Queryable } from '#event-log';
import { readAcknowledgedSettings, settleReport } from '#projections';
import type { Members } from './members.js';

/** A settings revision that a beat reported, and when it arrived (milliseconds). */
export type RevisionReport = { readonly revision: string; readonly at: number };

type OpenSettings = QueuedWork & { readonly clientId: string; readonly deliveredAt: Date | null };

/**
 * Settles queues by what beats reported, as polls do (G6). To be called under the lane's lock, so that no
 * acknowledgement comes in between. A report that may be older than what it would settle counts for nothing, and is
 * looked into again with the client's next beat.
 */
export const settleReports = async (
  db: Queryable,
  members: Members,
  reports: ReadonlyMap<number, RevisionReport>,
): Promise<readonly NewFact[]> => {
  const registered = [...reports].filter(([ordinal]) => members.isRegistered(ordinal));
  if (registered.length === 0) return [];
  const ids = registered.map(([ordinal]) => members.idOf(ordinal));
  const [open, acknowledged] = await Promise.all([readOpenSettings(db, ids), readAcknowledgedSettings(db, ids)]);
  return registered.flatMap(([ordinal, { revision, at }]): readonly NewFact[] => {
    const client = members.idOf(ordinal);
    const queued = open.get(client) ?? [];
    const confirmed = acknowledged.get(client) ?? [];
    const timelyQueued = queued.filter((work) => countsFor(work, at));
    const timelyConfirmed = confirmed.filter((work) => countsAgainst(work, at));
    const isTimely = timelyQueued.length === queued.length && timelyConfirmed.length === confirmed.length;
    if (!isTimely) members.data.reportedRevision[ordinal] = Number.NaN;
    const { items } = settleReport(timelyQueued, timelyConfirmed, { settingsRevision: revision });
    return items.length > 0 ? [{ type: 'work-settled', client, meta: { actor: 'agent' }, data: { items } }] : [];
  });
};

const readOpenSettings = async (
  db: Queryable,
  ids: readonly string[],
): Promise<ReadonlyMap<string, readonly OpenSettings[]>> => {
  const rows = await db<OpenSettings[]>`
    SELECT client_id AS "clientId", kind, key, revision, release, delivered_at AS "deliveredAt"
    FROM undelivered_work_of(${[...ids]}) WHERE kind = 'settings'`;
  return new Map(rows.map((row) => [row.clientId, [row]]));
};
