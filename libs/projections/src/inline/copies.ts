import type { Fact, FactOf } from '#contracts';
import { type InlineProjection, send, type Transaction } from '#event-log';
import { ofType, runs } from './batches.js';

/** Who was copied, until it is decided; where the credential or the client is gone, it is. */
export const copies: InlineProjection = {
  name: 'copies',
  apply: (facts, tx) => {
    const concerned = facts.filter((fact) => fact.type === 'client-copied' || isEnd(fact));
    for (const run of runs(concerned, isEnd)) {
      if (run.every(isEnd)) forget(run, tx);
      else for (const fact of ofType(run, 'client-copied')) insert(fact, tx);
    }
  },
};

const isEnd = ({ type }: Fact): boolean =>
  type === 'client-copy-dismissed' || type === 'credential-revoked' || type === 'client-removed';

const insert = ({ client, data, position, recordedAt }: FactOf<'client-copied'>, tx: Transaction): void => send(tx)`
  INSERT INTO client_copy (client_id, position, detected_at, instances)
  VALUES (${client}, ${position}, ${recordedAt}, ${JSON.stringify(data.instances)}::text::jsonb)
  ON CONFLICT (client_id) DO NOTHING`;

/** Who speaks from now on is looked at anew: if two still do, it is found out again. */
const forget = (facts: readonly Fact[], tx: Transaction): void => {
  const ids = facts.map(({ client }) => client ?? '');
  send(tx)`DELETE FROM client_copy WHERE client_id = ANY(${ids})`;
  send(tx)`DELETE FROM client_instance WHERE client_id = ANY(${ids})`;
};
