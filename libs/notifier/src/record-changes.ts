import type { Fact, FactOf, SettingsLevel } from '#contracts';
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
  handles: [
    'settings-changed',
    'group-removed',
    'release-published',
    'release-paused',
    'release-held',
    'release-resumed',
    'release-withdrawn',
    'client-edited',
  ],
  // What it writes is acted upon and gone; it is not one of the projections that can be rebuilt.
  tables: [],
  atOnce: 2_000,
  apply: async (batch, tx) => {
    for (const fact of batch) await record(fact, tx);
    await tx`SELECT pg_notify(${notifierChannel}, '')`;
  },
};

const record = async (fact: Fact, tx: Transaction): Promise<void> => {
  switch (fact.type) {
    case 'settings-changed':
      return recordSettings(fact, tx);
    case 'group-removed':
      return recordMove(fact, tx);
    case 'release-published':
      return recordRelease(fact, tx);
    case 'release-paused':
    case 'release-held':
      return forgetRelease(fact.data.id, tx);
    case 'release-resumed':
      return recordResumption(fact, tx);
    case 'release-withdrawn':
      return recordWithdrawal(fact, tx);
    case 'client-edited':
      return recordEdit(fact, tx);
    default:
      return;
  }
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

/**
 * The clients of a removed group have the settings of another one from this fact on, and so a revision of this position.
 * A newer change of that group is a newer revision for them too.
 */
const recordMove = async ({ position, data }: FactOf<'group-removed'>, tx: Transaction): Promise<void> => {
  if (data.moveClientsTo === null) return;
  const level = nameOf({ scope: 'group', path: data.moveClientsTo });
  await tx`INSERT INTO notification_round (position, reason, level) VALUES (${position}, 'settings', ${level})`;
};

const recordRelease = async ({ position, data }: FactOf<'release-published'>, tx: Transaction): Promise<void> => {
  const { target, component, id, rollout } = data;
  const isByName = !('all' in target) && target.groups === undefined && target.labels === undefined;
  if (isByName && rollout === null) return makeDue(tx, target.clients ?? [], 'update');
  await tx`
    INSERT INTO notification_round (position, reason, component, release)
    VALUES (${position}, 'update', ${component}, ${id})`;
};

/** There is nothing to fetch of a release that is paused or withdrawn. */
const forgetRelease = async (id: string, tx: Transaction): Promise<void> => {
  await tx`DELETE FROM notification_round WHERE release = ${id}`;
};

/** It begins anew: who was told before the pause and has not fetched it is told again, then who is admitted from now on. */
const recordResumption = async ({ position, data }: FactOf<'release-resumed'>, tx: Transaction): Promise<void> => {
  await tx`
    INSERT INTO notification_round (position, reason, component, release)
    SELECT ${position}, 'update', component, id FROM release WHERE id = ${data.id}`;
};

/** Where there is an older one that can be wanted again, that is told. */
const recordWithdrawal = async ({ position, data }: FactOf<'release-withdrawn'>, tx: Transaction): Promise<void> => {
  await forgetRelease(data.id, tx);
  await tx`
    INSERT INTO notification_round (position, reason, component, release, is_withdrawal)
    SELECT ${position}, 'update', component, id, true FROM release withdrawn
    WHERE id = ${data.id} AND EXISTS (
      SELECT FROM release older
      WHERE older.component = withdrawn.component AND older.position < withdrawn.position AND older.is_current)`;
};

/** Another group brings other settings; another group or label, other releases. */
const recordEdit = async ({ client, data }: FactOf<'client-edited'>, tx: Transaction): Promise<void> => {
  if (client === null || (data.group === undefined && data.labels === undefined)) return;
  await makeDue(tx, [client], data.group === undefined ? 'update' : 'settings');
};
