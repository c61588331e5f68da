import { type InlineProjection, send } from '#event-log';
import { lastOfEach, ofType } from './batches.js';

/** The status of each client, since when and why: exact, for it commits with the transition. */
export const presence: InlineProjection = {
  name: 'presence',
  apply: (facts, tx) => {
    const changes = lastOfEach(ofType(facts, 'client-status-changed'));
    if (changes.length === 0) return;
    send(tx)`
      UPDATE presence p SET
        status = f.status, cause = f.cause, since = f.since, network = f.network, network_name = f.network_name
      FROM unnest(
        ${changes.map((fact) => fact.client ?? '')}::text[],
        ${changes.map((fact) => fact.data.status)}::text[],
        ${changes.map((fact) => fact.data.cause)}::text[],
        ${changes.map((fact) => fact.data.at)}::timestamptz[],
        ${changes.map((fact) => fact.data.network)}::text[],
        ${changes.map((fact) => fact.data.networkName)}::text[]
      ) AS f (client_id, status, cause, since, network, network_name)
      WHERE p.client_id = f.client_id`;
  },
};
