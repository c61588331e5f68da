import type { InlineProjection } from '#event-log';
import { ofType } from './batches.js';

/** The releases of each component; publishing one to a million clients writes this one row. */
export const releases: InlineProjection = {
  name: 'releases',
  apply: async (facts, tx) => {
    for (const { data, position, recordedAt } of ofType(facts, 'release-published')) {
      await tx`
        INSERT INTO release (id, position, component, version, url, sha256, size, target, deliver_by, published_at)
        VALUES (${data.id}, ${String(position)}, ${data.component}, ${data.version}, ${data.url}, ${data.sha256},
                ${data.size}, ${JSON.stringify(data.target)}::text::jsonb, ${data.deliverBy}, ${recordedAt})`;
    }
  },
};
