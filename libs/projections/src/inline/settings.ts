import type { FactOf } from '#contracts';
import type { InlineProjection, Transaction } from '#event-log';
import { ofType } from './batches.js';
import { ensureGroups } from './ensure-groups.js';

/** What each level sets, and the newest revision on the way from each group to the fleet (R20). */
export const settings: InlineProjection = {
  name: 'settings',
  apply: async (facts, tx) => {
    for (const fact of ofType(facts, 'settings-changed')) await change(fact, tx);
  },
};

const change = async (fact: FactOf<'settings-changed'>, tx: Transaction): Promise<void> => {
  const { level, values } = fact.data;
  const key = level.scope === 'fleet' ? '' : level.scope === 'group' ? level.path : level.id;
  const revision = String(fact.position);
  await tx`
    INSERT INTO settings_level (scope, key, values, revision, changed_at)
    VALUES (${level.scope}, ${key}, ${JSON.stringify(values)}::text::jsonb, ${revision}, ${fact.recordedAt})
    ON CONFLICT (scope, key) DO UPDATE SET
      values = excluded.values, revision = excluded.revision, changed_at = excluded.changed_at`;
  if (level.scope === 'client') await tx`UPDATE client SET own_revision = ${revision} WHERE id = ${level.id}`;
  if (level.scope !== 'group') return;
  await ensureGroups([level.path], tx);
  await tx`
    UPDATE group_node SET chain_revision = ${revision}
    WHERE ${level.path} = '' OR path = ${level.path} OR starts_with(path, ${`${level.path}/`})`;
};
