import type { Level, PolicyKeys } from './history.js';

/** What a client is granted; durations in milliseconds. */
export type Policy = {
  readonly heartbeat: { readonly enabled: boolean; readonly scope: 'all' | 'unreachable'; readonly interval: number };
  readonly poll: { readonly enabled: boolean; readonly interval: number };
  readonly offlineAfter: number;
  /** R8; null: never. */
  readonly removeInactiveAfter: number | null;
};

export type LevelSettings = { readonly level: Level; readonly policy: PolicyKeys };

const minute = 60_000;

const ofNewInstallation: Policy = {
  heartbeat: { enabled: true, scope: 'unreachable', interval: minute },
  poll: { enabled: true, interval: 5 * minute },
  offlineAfter: 3 * minute,
  removeInactiveAfter: null,
};

/** R20: fleet, groups from the outermost inwards, client: the nearer overrides the farther, key by key. */
export function effectivePolicy(client: string, group: string, levels: readonly LevelSettings[]): Policy {
  return levels
    .filter(({ level }) => applies(level, client, group))
    .sort((a, b) => nearness(a.level) - nearness(b.level))
    .reduce<Policy>((farther, { policy }) => override(farther, policy), ofNewInstallation);
}

/** R20: the fleet's level applies to all, a group's to its whole subtree, a client's to the client. */
export function applies(level: Level, client: string, group: string): boolean {
  if ('fleet' in level) return true;
  if ('client' in level) return level.client === client;
  return group === level.group || group.startsWith(`${level.group}/`);
}

function nearness(level: Level): number {
  if ('fleet' in level) return 0;
  if ('client' in level) return Infinity;
  return level.group.split('/').length;
}

function override(farther: Policy, nearer: PolicyKeys): Policy {
  return {
    heartbeat: { ...farther.heartbeat, ...nearer.heartbeat },
    poll: { ...farther.poll, ...nearer.poll },
    offlineAfter: nearer.offlineAfter ?? farther.offlineAfter,
    removeInactiveAfter: nearer.removeInactiveAfter ?? farther.removeInactiveAfter,
  };
}
