import { send, type Transaction } from '#event-log';
import type { Settlement } from './delivery.js';

const clientsOf = (rows: readonly Settlement[]): string[] => rows.map(({ fact }) => fact.client ?? '');
const revisionsOf = (rows: readonly Settlement[]): string[] => rows.map(({ item }) => item.revision);

/** What was applied is what the client has from now on: of several revisions of its settings at once the newest; each component. */
export const confirm = (applied: readonly Settlement[], tx: Transaction): void => {
  if (applied.length === 0) return;
  send(tx)`
    UPDATE client c
    SET settings_revision = coalesce(f.settings_revision, c.settings_revision),
        installed = c.installed || coalesce(f.installed, '{}')
    FROM (
      SELECT id, max(CASE WHEN kind = 'settings' THEN revision::bigint END) AS settings_revision,
             jsonb_object_agg(key, revision) FILTER (WHERE kind = 'update') AS installed
      FROM unnest(
        ${clientsOf(applied)}::text[], ${applied.map(({ item }) => item.kind)}::text[],
        ${applied.map(({ item }) => item.key)}::text[], ${revisionsOf(applied)}::text[]
      ) AS a (id, kind, key, revision)
      GROUP BY id
    ) f
    WHERE c.id = f.id`;
};

/** Settings that were confirmed and turn out to be missing are not confirmed any more (G6). */
export const withdrawSettings = (failed: readonly Settlement[], tx: Transaction): void => {
  const rows = failed.filter(({ item }) => item.kind === 'settings');
  if (rows.length === 0) return;
  send(tx)`
    UPDATE client c SET settings_revision = 0
    FROM unnest(${clientsOf(rows)}::text[], ${revisionsOf(rows)}::bigint[]) AS f (id, revision)
    WHERE c.id = f.id AND c.settings_revision = f.revision`;
};
