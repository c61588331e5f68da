import type { Follower } from './follower.js';
import { ofType } from '../inline/batches.js';

/** Every transition of every client, with its time and cause: what `asOf` and the fleet's history read (G2). */
export const history: Follower = {
  name: 'history',
  version: 1,
  handles: ['client-status-changed'],
  apply: async (batch, tx) => {
    const changes = ofType(batch, 'client-status-changed');
    await tx`
      INSERT INTO status_history (client_id, position, at, status, cause)
      SELECT * FROM unnest(
        ${changes.map((fact) => fact.client ?? '')}::text[],
        ${changes.map((fact) => String(fact.position))}::bigint[],
        ${changes.map((fact) => fact.data.at)}::timestamptz[],
        ${changes.map((fact) => fact.data.status)}::text[],
        ${changes.map((fact) => fact.data.cause)}::text[]
      )
      ON CONFLICT (client_id, position) DO NOTHING`;
  },
};
