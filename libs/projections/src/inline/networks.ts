import { type InlineProjection, send } from '#event-log';
import { ofType } from './batches.js';

/** The networks whose machines cannot be dialled (R1). */
export const networks: InlineProjection = {
  name: 'networks',
  apply: (facts, tx) => {
    const last = ofType(facts, 'networks-changed').at(-1);
    if (!last) return;
    const { networks } = last.data;
    send(tx)`
      UPDATE network_set SET networks = ${JSON.stringify(networks)}::text::jsonb, revision = ${String(last.position)}`;
  },
};
