import type { LogReader } from './log.js';
import type { RestClient } from './rest.js';

export type LaneState = {
  readonly lane: number;
  readonly owner: string | null;
  readonly sequence: string;
  readonly lagSeconds: number | null;
};

/** How many lanes each process has, of those that work: whose owner answers. */
export const lanesByOwner = async (rest: RestClient): Promise<ReadonlyMap<string, number>> => {
  const { items } = await rest.get<{ items: LaneState[] }>('/v1/lanes');
  const counts = new Map<string, number>();
  for (const { owner, lagSeconds } of items) {
    if (owner !== null && lagSeconds !== null) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  return counts;
};

/** Whether so many processes share all lanes, none with two more than another. */
export const isEven = (counts: ReadonlyMap<string, number>, lanes: number, processes: number): boolean => {
  const shares = [...counts.values()];
  const total = shares.reduce((sum, count) => sum + count, 0);
  return total === lanes && shares.length === processes && Math.max(...shares) - Math.min(...shares) <= 1;
};

/** Contacts of a kind in the log, of all clients. */
export const totalLogged = async (log: LogReader, kind: string): Promise<number> =>
  [...(await log.contacts(kind)).values()].reduce((sum, count) => sum + count, 0);
