import type { FactOf, SettingsLevel } from '#contracts';
import type { Transaction } from '#event-log';
import type { Follower } from '#projections';
import { makeDue } from './due.js';

/** The channel on which workers hear that there is somebody to be told; a hint only. */
export const notifierChannel = 'reachback_notifier';

/**
 * Writes down each change that direct clients are to be told of (R18): one row, whomever it concerns, or the clients
 * themselves where the change names them.
 */
export const notifications: Follower = {
  name: 'notifications',
  version: 1,
  handles: ['settings-changed', 'release-published', 'client-edited'],
  // What it writes is acted upon and gone; it is not one of the projections that can be rebuilt.
  tables: [],
  apply: async (batch, tx) => {
    for (const fact of batch) {
      if (fact.type === 'settings-changed') await recordSettings(fact, tx);
      if (fact.type === 'release-published') await recordRelease(fact, tx);
      if (fact.type === 'client-edited') await recordEdit(fact, tx);
    }
    await tx`SELECT pg_notify(${notifierChannel}, '')`;
  },
};

/** After a newer change of a level nobody has the older revision to fetch. */
const recordSettings = async ({ position, data }: FactOf<'settings-changed'>, tx: Transaction): Promise<void> => {
  const { level } = data;
  if (level.scope === 'client') return makeDue(tx, [level.id], 'settings');
  const name = nameOf(level);
  await tx`DELETE FROM notification_round WHERE level = ${name}`;
  await tx`INSERT INTO notification_round (position, reason, level) VALUES (${position}, 'settings', ${name})`;
};

const nameOf = (level: Exclude<SettingsLevel, { scope: 'client' }>): string =>
  level.scope === 'fleet' ? 'fleet' : `group:${level.path}`;

const recordRelease = async ({ position, data }: FactOf<'release-published'>, tx: Transaction): Promise<void> => {
  const { target, component, id } = data;
  const isByName = !('all' in target) && target.groups === undefined && target.labels === undefined;
  if (isByName) return makeDue(tx, target.clients ?? [], 'update');
  await tx`
    INSERT INTO notification_round (position, reason, component, release)
    VALUES (${position}, 'update', ${component}, ${id})`;
};

/** Another group brings other settings; another group or label, other releases. */
const recordEdit = async ({ client, data }: FactOf<'client-edited'>, tx: Transaction): Promise<void> => {
  if (client === null || (data.group === undefined && data.labels === undefined)) return;
  await makeDue(tx, [client], data.group === undefined ? 'update' : 'settings');
};
