import type { Fact } from '#contracts';
import { type InlineProjection, send, type Transaction } from '#event-log';

/** Administrators' keys; what tells whether one is the right one is beside them, and in no fact. */
export const adminKeys: InlineProjection = {
  name: 'admin-keys',
  apply: (facts, tx) => {
    for (const fact of facts) applyOne(fact, tx);
  },
};

const applyOne = (fact: Fact, tx: Transaction): void => {
  switch (fact.type) {
    case 'admin-key-created': {
      const { id, name, role, group, expiresAt } = fact.data;
      send(tx)`
        INSERT INTO admin_key (id, name, role, group_path, expires_at, created_at, created_by)
        VALUES (${id}, ${name}, ${role}, ${group}, ${expiresAt}, ${fact.recordedAt}, ${fact.meta.actor})`;
      return;
    }
    case 'admin-key-changed': {
      const { id, name, role, group, expiresAt } = fact.data;
      send(tx)`
        UPDATE admin_key SET name = ${name}, role = ${role}, group_path = ${group}, expires_at = ${expiresAt}
        WHERE id = ${id}`;
      return;
    }
    case 'admin-key-revoked':
      send(tx)`UPDATE admin_key SET revoked_at = ${fact.recordedAt} WHERE id = ${fact.data.id}`;
      send(tx)`DELETE FROM admin_key_hash WHERE id = ${fact.data.id}`;
      return;
    default:
      return;
  }
};
