import type { Fact, FactOf, FactType } from '#contracts';
import { type InlineProjection, send, type Transaction } from '#event-log';
import { runs } from './batches.js';

/**
 * Who was copied, until it is decided; where the credential or the client is gone, or the copy became a client of its own,
 * it is.
 */
export const copies: InlineProjection = {
  name: 'copies',
  apply: (facts, tx) => {
    // Others' facts in between would cut the runs short.
    const concerned = facts.filter((fact) => isEnd(fact) || handled.has(fact.type));
    for (const run of runs(concerned, isEnd)) {
      if (run.every(isEnd)) forget(run, tx);
      else for (const fact of run) applyOne(fact, tx);
    }
  },
};

const handled: ReadonlySet<FactType> = new Set(['client-copied', 'client-split-offered', 'client-split']);

const isEnd = ({ type }: Fact): boolean =>
  type === 'client-copy-dismissed' || type === 'credential-revoked' || type === 'client-removed';

const applyOne = (fact: Fact, tx: Transaction): void => {
  if (fact.type === 'client-copied') insert(fact, tx);
  else if (fact.type === 'client-split-offered') offer(fact, tx);
  else if (fact.type === 'client-split') split(fact, tx);
};

/** Who was found out by its connections is written anew when the two can be told apart. */
const insert = ({ client, data, position, recordedAt }: FactOf<'client-copied'>, tx: Transaction): void => send(tx)`
  INSERT INTO client_copy (client_id, position, detected_at, instances)
  VALUES (${client}, ${position}, ${recordedAt}, ${JSON.stringify(data.instances)}::text::jsonb)
  ON CONFLICT (client_id) DO UPDATE SET position = excluded.position, instances = excluded.instances`;

const offer = ({ client, data, position }: FactOf<'client-split-offered'>, tx: Transaction): void => send(tx)`
  INSERT INTO client_split (token, position, client_id, instance, split_id, public_key)
  VALUES (${data.token}, ${position}, ${client}, ${data.instance}, ${data.clientId}, ${data.publicKey})`;

/** The client is copied for as long as another copy may still take what it was offered. */
const split = ({ client, data, recordedAt }: FactOf<'client-split'>, tx: Transaction): void => {
  send(tx)`UPDATE client_split SET split_at = ${recordedAt} WHERE token = ${data.token}`;
  send(tx)`
    DELETE FROM client_copy
    WHERE client_id = ${client} AND NOT EXISTS (
      SELECT FROM client_split s JOIN enrolment_token t ON t.id = s.token
      WHERE s.client_id = ${client} AND s.split_at IS NULL AND t.deleted_at IS NULL AND t.expires_at > ${recordedAt})`;
};

/** Who speaks from now on is looked at anew: if two still do, it is found out again. */
const forget = (facts: readonly Fact[], tx: Transaction): void => {
  const ids = facts.map(({ client }) => client ?? '');
  send(tx)`DELETE FROM client_copy WHERE client_id = ANY(${ids})`;
  send(tx)`DELETE FROM client_instance WHERE client_id = ANY(${ids})`;
};
