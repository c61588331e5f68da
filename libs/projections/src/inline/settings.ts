import type { FactOf, SettingsLevel } from '#contracts';
import { groupChain } from '#domain';
import { type InlineProjection, send, type Transaction } from '#event-log';
import { makeGroups } from './ensure-groups.js';
import { placeApart } from './place-groups.js';

/** What each level sets, and the newest revision on the way from each group to the fleet (R20). */
export const settings: InlineProjection = {
  name: 'settings',
  apply: (facts, tx) => {
    for (const fact of facts) {
      if (fact.type === 'settings-changed') change(fact, tx);
      if (fact.type === 'settings-held') hold(fact, tx);
    }
  },
};

const keyOf = (level: SettingsLevel): string =>
  level.scope === 'fleet' ? '' : level.scope === 'group' ? level.path : level.id;

/** Whoever changes a level answers for it as it then is; so it is held no more. */
const change = (fact: FactOf<'settings-changed'>, tx: Transaction): void => {
  const { level, values } = fact.data;
  const key = keyOf(level);
  const revision = String(fact.position);
  send(tx)`
    INSERT INTO settings_level (scope, key, values, revision, changed_at, owner_key)
    VALUES (${level.scope}, ${key}, ${JSON.stringify(values)}::text::jsonb, ${revision}, ${fact.recordedAt},
            ${fact.meta.key ?? null})
    ON CONFLICT (scope, key) DO UPDATE SET
      values = excluded.values, revision = excluded.revision, changed_at = excluded.changed_at,
      owner_key = excluded.owner_key, held_at = NULL, held_reason = NULL`;
  if (level.scope === 'client') send(tx)`UPDATE client SET own_revision = ${revision} WHERE id = ${level.id}`;
  if (level.scope !== 'group') return;
  makeGroups(groupChain(level.path), tx);
  placeApart(level.path, tx);
  send(tx)`
    UPDATE group_node SET chain_revision = ${revision}
    WHERE is_within(path, ${level.path})`;
};

const hold = ({ data: { level, reason }, recordedAt }: FactOf<'settings-held'>, tx: Transaction): void => send(tx)`
  UPDATE settings_level SET held_at = ${recordedAt}, held_reason = ${reason}
  WHERE scope = ${level.scope} AND key = ${keyOf(level)}`;
