/** What the suite reads of the server's answers, as the documents of the API describe them. */

export type Status = 'Online' | 'Offline' | 'Unreachable/Online' | 'Unreachable/Offline';

export type ClientView = {
  readonly id: string;
  readonly group: string;
  readonly network: 'direct' | 'unreachable';
  readonly networkName: string | null;
  readonly status: Status;
  readonly since: string;
  readonly cause: string;
  readonly lastContactAt: string | null;
  readonly lastHeartbeatAt: string | null;
  readonly lastPollAt: string | null;
  readonly offlineAt: string | null;
  readonly installed: Readonly<Record<string, string>>;
  readonly settingsRevision: string;
  readonly undelivered: number;
  readonly clockSkewSeconds: number | null;
};

export type Transition = {
  readonly at: string;
  readonly status: Status;
  readonly cause: string;
  readonly position: string;
};

export type QueueItem = {
  readonly kind: 'settings' | 'update';
  readonly key: string;
  readonly revision: string;
  readonly state: string;
  readonly attempts: number;
  readonly error: string | null;
};

export type LoggedEvent = { readonly type: string; readonly at: string; readonly data?: unknown };

export type ListOf<T> = { readonly items: readonly T[]; readonly nextCursor: string | null };

export type WorkReply = {
  readonly time: string;
  readonly policy: {
    readonly heartbeat: { readonly enabled: boolean; readonly interval: string };
    readonly poll: { readonly enabled: boolean; readonly interval: string };
    readonly offlineAfter: string;
    readonly phase: string;
  };
  readonly settings: { readonly revision: string; readonly values: Readonly<Record<string, unknown>> } | null;
  readonly updates: readonly { readonly component: string; readonly version: string }[];
  readonly more: boolean;
  readonly error?: { readonly code: string; readonly message: string; readonly retryAfterSeconds?: number };
};

export type Fleet = {
  readonly total: number;
  readonly byStatus: Readonly<Record<Status, number>>;
  readonly ingest: { readonly lagSeconds: number; readonly perSecond: number } | null;
  readonly asOf: string;
};

export type Release = {
  readonly id: string;
  readonly component: string;
  readonly version: string;
  readonly progress: Readonly<Record<string, number>>;
  readonly eta: string | null;
};

export type Problem = { readonly code: string; readonly detail: string; readonly field?: string };

/** The heartbeat and poll policy as it is set under the key `reachback`. */
export type Policy = {
  readonly heartbeat: {
    readonly enabled: boolean;
    readonly scope: 'all' | 'unreachable';
    readonly interval: string;
  };
  readonly poll: { readonly enabled: boolean; readonly interval: string };
  readonly offlineAfter: string;
  readonly removeInactiveAfter?: string;
};
