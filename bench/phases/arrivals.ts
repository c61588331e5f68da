import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '#event-log';

/** Contacts that arrived in each second of a stretch of the log, by the broker's clock. */
export type Arrivals = {
  /** The first second, counted from the moment that the stretch is about; negative before it. */
  readonly from: number;
  readonly heartbeats: readonly number[];
  readonly registrations: readonly number[];
};

/** Counts contacts of each whole second from `from` to `to`, in seconds from the moment `zero` (milliseconds). */
export const readArrivals = async (
  db: Database,
  { zero, from, to }: { readonly zero: number; readonly from: number; readonly to: number },
): Promise<Arrivals> => {
  const at = (second: number): string => new Date(zero + second * 1_000).toISOString();
  const rows = await db<{ second: number; kind: string; count: number }[]>`
    SELECT floor(extract(epoch FROM at - ${at(0)}::timestamptz))::integer AS second, kind, count(*)::integer AS count
    FROM contact
    WHERE kind IN ('heartbeat', 'register') AND at >= ${at(from)} AND at < ${at(to)}
    GROUP BY 1, 2`;
  const series = (kind: string): readonly number[] => {
    const counts = new Map(rows.filter((row) => row.kind === kind).map(({ second, count }) => [second, count]));
    return Array.from({ length: to - from }, (_, i) => counts.get(from + i) ?? 0);
  };
  return { from, heartbeats: series('heartbeat'), registrations: series('register') };
};

const lookMilliseconds = 250;

/** Waits until everything that arrived before a moment (milliseconds) is in the log. */
export const untilLogged = async (db: Database, moment: number, signal: AbortSignal): Promise<void> => {
  for (;;) {
    const [row] = await db<{ time: bigint }[]>`SELECT source_time AS time FROM lane WHERE id = 0`;
    if (row && row.time >= BigInt(moment) * 1_000_000n) return;
    await sleep(lookMilliseconds, undefined, { signal });
  }
};
