import type { Fact } from '#contracts';
import type { InlineProjection, Transaction } from '#event-log';

/** Administrators' keys; what tells whether one is the right one is beside them, and in no fact. */
export const adminKeys: InlineProjection = {
  name: 'admin-keys',
  apply: async (facts, tx) => {
    for (const fact of facts) await applyOne(fact, tx);
  },
};

const applyOne = async (fact: Fact, tx: Transaction): Promise<void> => {
  switch (fact.type) {
    case 'admin-key-created': {
      const { id, name, role, group, expiresAt } = fact.data;
      await tx`
        INSERT INTO admin_key (id, name, role, group_path, expires_at, created_at, created_by)
        VALUES (${id}, ${name}, ${role}, ${group}, ${expiresAt}, ${fact.recordedAt}, ${fact.meta.actor})`;
      return;
    }
    case 'admin-key-changed': {
      const { id, name, role, group, expiresAt } = fact.data;
      await tx`
        UPDATE admin_key SET name = ${name}, role = ${role}, group_path = ${group}, expires_at = ${expiresAt}
        WHERE id = ${id}`;
      return;
    }
    case 'admin-key-revoked':
      await tx`UPDATE admin_key SET revoked_at = ${fact.recordedAt} WHERE id = ${fact.data.id}`;
      await tx`DELETE FROM admin_key_hash WHERE id = ${fact.data.id}`;
      return;
    default:
      return;
  }
};
