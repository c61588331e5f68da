import { send, type Transaction } from '#event-log';
import type { Settlement } from './delivery.js';

const clientsOf = (rows: readonly Settlement[]): string[] => rows.map(({ fact }) => fact.client ?? '');
const revisionsOf = (rows: readonly Settlement[]): string[] => rows.map(({ item }) => item.revision);

/** What was applied is what the client has from now on; of several revisions at once, the newest. */
export const confirmSettings = (applied: readonly Settlement[], tx: Transaction): void => {
  const rows = applied.filter(({ item }) => item.kind === 'settings');
  if (rows.length === 0) return;
  send(tx)`
    UPDATE client c SET settings_revision = f.revision
    FROM (
      SELECT id, max(revision) AS revision
      FROM unnest(${clientsOf(rows)}::text[], ${revisionsOf(rows)}::bigint[]) AS s (id, revision)
      GROUP BY id
    ) f
    WHERE c.id = f.id`;
};

/** A component that was applied is installed from now on. */
export const confirmUpdates = (applied: readonly Settlement[], tx: Transaction): void => {
  const rows = applied.filter(({ item }) => item.kind === 'update');
  if (rows.length === 0) return;
  send(tx)`
    UPDATE client c SET installed = c.installed || f.installed
    FROM (
      SELECT id, jsonb_object_agg(component, version) AS installed
      FROM unnest(
        ${clientsOf(rows)}::text[], ${rows.map(({ item }) => item.key)}::text[], ${revisionsOf(rows)}::text[]
      ) AS u (id, component, version)
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
