/** A JSON object: one level's settings, or what they add up to. */
export type JsonObject = { readonly [key: string]: unknown };

/** Where a setting is set. Nearer levels override farther ones, key by key (R20). */
export type SettingsLevel =
  | { readonly scope: 'fleet' }
  | { readonly scope: 'group'; readonly path: string }
  | { readonly scope: 'client'; readonly id: string };

/** The key under which the heartbeat and poll policy lives. */
export const policyKey = 'reachback';
