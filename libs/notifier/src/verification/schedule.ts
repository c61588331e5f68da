import { randomUUID } from 'node:crypto';
import { type JsonObject, type Lanes, policyKey } from '#contracts';
import { defaultPolicy, parsePolicy } from '#domain';
import { appendFacts, type Database, lockLog, type Queryable, transact } from '#event-log';
import { inlineProjections } from '#projections';

/**
 * Starts a scheduled verification when the interval since the start of the last scheduled one is over. That start is
 * kept with the fact, and looked at again under the log's lock: restarts, and servers beside this one, neither skip
 * nor repeat one.
 */
export const startIfDue = async (db: Database, lanes: Lanes): Promise<void> => {
  if (!(await isDue(db))) return;
  await transact(db, async (tx) => {
    await lockLog(tx);
    if (!(await isDue(tx))) return;
    await appendFacts(
      tx,
      lanes.of,
      [
        {
          type: 'verification-started',
          client: null,
          meta: { actor: 'system' },
          data: { id: randomUUID(), reason: 'scheduled' },
        },
      ],
      inlineProjections,
    );
  });
};

const isDue = async (db: Queryable): Promise<boolean> => {
  const [row] = await db<{ elapsed: number; running: boolean; values: JsonObject }[]>`
    SELECT extract(epoch FROM now() - s.last_at)::float8 * 1000 AS elapsed,
           EXISTS (SELECT FROM verification WHERE finished_at IS NULL) AS running, l.values
    FROM verification_schedule s CROSS JOIN settings_level l
    WHERE l.scope = 'fleet'`;
  if (!row || row.running) return false;
  const parsed = parsePolicy(row.values[policyKey]);
  const { enabled, interval } = (parsed.ok ? parsed.policy : defaultPolicy).verification;
  return enabled && row.elapsed >= interval;
};
