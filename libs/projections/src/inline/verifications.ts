import { type InlineProjection, send } from '#event-log';
import { ofType } from './batches.js';

/** Who asked for which connection verification, and what came of it (R19). */
export const verifications: InlineProjection = {
  name: 'verifications',
  apply: (facts, tx) => {
    for (const { data, meta, position, recordedAt } of ofType(facts, 'verification-started')) {
      send(tx)`
        INSERT INTO verification (id, position, reason, requested_by, started_at)
        VALUES (${data.id}, ${position}, ${data.reason}, ${meta.actor}, ${recordedAt})`;
      if (data.reason === 'scheduled') send(tx)`UPDATE verification_schedule SET last_at = ${recordedAt}`;
    }
    for (const { data, recordedAt } of ofType(facts, 'verification-finished')) {
      send(tx)`
        UPDATE verification
        SET finished_at = ${recordedAt}, direct = ${data.direct}, skipped = ${data.skipped}, asked = ${data.asked},
            answered = ${data.answered}, unanswered = ${data.unanswered}
        WHERE id = ${data.id}`;
    }
  },
};
