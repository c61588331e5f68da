import type { Fact, FactOf } from '#contracts';
import { type InlineProjection, send, type Transaction } from '#event-log';

/** Who may connect: tokens, what was asked with them, and the keys that were let in. */
export const enrolment: InlineProjection = {
  name: 'enrolment',
  apply: async (facts, tx) => {
    for (const fact of facts) await applyOne(fact, tx);
  },
};

const applyOne = async (fact: Fact, tx: Transaction): Promise<void> => {
  switch (fact.type) {
    case 'enrolment-token-created':
      return createToken(fact, tx);
    case 'enrolment-token-deleted':
      send(tx)`
        UPDATE enrolment_token SET deleted_at = ${fact.recordedAt}, secret_hash = NULL WHERE id = ${fact.data.id}`;
      return;
    case 'enrolment-requested':
      await insertEnrolment({ fact, id: fact.data.id, state: 'pending' }, tx);
      return;
    case 'enrolment-approved':
      return decide(fact, 'approved', tx);
    case 'enrolment-refused':
      return decide(fact, 'refused', tx);
    case 'client-enrolled':
      return enrol(fact, tx);
    case 'credential-renewed':
      send(tx)`
        UPDATE credential SET renewed_at = ${fact.recordedAt}, expires_at = ${fact.data.expiresAt}
        WHERE public_key = ${fact.data.publicKey}`;
      return;
    case 'credential-revoked':
      send(tx)`
        UPDATE credential SET revoked_at = ${fact.recordedAt}, revoked_by = ${fact.meta.actor}
        WHERE public_key = ${fact.data.publicKey}`;
      return;
    case 'credential-suspended':
      send(tx)`
        UPDATE credential SET suspended_until = ${fact.data.until} WHERE public_key = ${fact.data.publicKey}`;
      return;
    default:
      return;
  }
};

const createToken = (fact: FactOf<'enrolment-token-created'>, tx: Transaction): void => {
  const { data, meta, position, recordedAt } = fact;
  send(tx)`
    INSERT INTO enrolment_token (id, position, public_key, client_id, group_path, labels, uses, approval, created_by,
                                 created_at, expires_at)
    VALUES (${data.id}, ${position}, ${data.publicKey}, ${data.clientId}, ${data.group},
            ${JSON.stringify(data.labels)}::text::jsonb, ${data.uses}, ${data.approval}, ${meta.actor}, ${recordedAt},
            ${data.expiresAt})`;
};

type Asked = {
  readonly fact: FactOf<'enrolment-requested' | 'client-enrolled'>;
  readonly id: string;
  readonly state: 'pending' | 'approved';
};

/** What was approved is there already. Everything else uses the token once. */
const insertEnrolment = async ({ fact, id, state }: Asked, tx: Transaction): Promise<void> => {
  const { client, data, position, recordedAt } = fact;
  const inserted = await tx`
    INSERT INTO enrolment (id, position, token, client_id, public_key, address, state, requested_at, decided_at)
    VALUES (${id}, ${position}, ${data.token}, ${client}, ${data.publicKey}, ${data.address}, ${state}, ${recordedAt},
            ${state === 'pending' ? null : recordedAt})
    ON CONFLICT (id) DO NOTHING
    RETURNING id`;
  if (inserted.length > 0) send(tx)`UPDATE enrolment_token SET used = used + 1 WHERE id = ${data.token}`;
};

const decide = (
  { data, meta, recordedAt }: FactOf<'enrolment-approved' | 'enrolment-refused'>,
  state: 'approved' | 'refused',
  tx: Transaction,
): void => {
  send(tx)`
    UPDATE enrolment SET state = ${state}, decided_at = ${recordedAt}, decided_by = ${meta.actor}
    WHERE id = ${data.id}`;
};

/** A key whose credential has expired may enrol again. */
const enrol = async (fact: FactOf<'client-enrolled'>, tx: Transaction): Promise<void> => {
  const { client, data, position, recordedAt } = fact;
  await insertEnrolment({ fact, id: data.enrolment, state: 'approved' }, tx);
  send(tx)`
    INSERT INTO credential (public_key, client_id, enrolment, position, issued_at, expires_at)
    VALUES (${data.publicKey}, ${client}, ${data.enrolment}, ${position}, ${recordedAt}, ${data.expiresAt})
    ON CONFLICT (public_key) DO UPDATE SET
      enrolment = excluded.enrolment, position = excluded.position, issued_at = excluded.issued_at, renewed_at = NULL,
      expires_at = excluded.expires_at`;
};
