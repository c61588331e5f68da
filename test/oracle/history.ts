/**
 * What can happen to a lane, in the words of the rules. A history is a list of these in the order of the log; times are
 * milliseconds, and are arrival times: no agent's clock is in here (G8).
 */
export type Entry = { readonly at: number } & (
  | Contact
  /** R19: the server asked a client that it can dial, and it answered. */
  | { readonly type: 'answered'; readonly client: string }
  /** R19: it was asked at `asked` and did not answer until now. */
  | { readonly type: 'unanswered'; readonly client: string; readonly asked: number }
  /** R20: the policy keys that one level sets from now on: the fleet, a group, or a client. */
  | { readonly type: 'settings'; readonly level: Level; readonly policy: PolicyKeys; readonly revision: number }
  /** An administrator moves a client to another group, which is a change of its settings. */
  | { readonly type: 'moved'; readonly client: string; readonly group: string; readonly revision: number }
  /** A client has settings of this revision, as it acknowledged or reported (G3, G6). */
  | { readonly type: 'acknowledged'; readonly client: string; readonly revision: number }
  | { readonly type: 'networks'; readonly networks: readonly UnreachableNetwork[] }
  /** An administrator takes a client off the list. */
  | { readonly type: 'removed'; readonly client: string }
  /** At least once a second, from the server: time passes although nobody speaks. */
  | { readonly type: 'tick' }
);

/** Anything an agent sends. */
export type Contact = {
  readonly type: 'contact';
  readonly client: string;
  readonly kind: ContactKind;
  /** The IPs it reports; absent where it says nothing about them. */
  readonly ips?: readonly string[];
  /** `register` only: the group the agent was installed for. */
  readonly group?: string;
};

export const contactKinds = [
  'register',
  'start',
  'reload',
  'poll',
  'update',
  'ack',
  'heartbeat',
  'logs',
  'stop',
  'uninstall',
] as const;
export type ContactKind = (typeof contactKinds)[number];

export type Level = { readonly fleet: true } | { readonly group: string } | { readonly client: string };
export type UnreachableNetwork = { readonly name: string; readonly ranges: readonly string[] };

/** The keys of a policy that a level sets; durations in milliseconds. Absent: the farther level's holds. */
export type PolicyKeys = {
  readonly heartbeat?: {
    readonly enabled?: boolean;
    readonly scope?: 'all' | 'unreachable';
    readonly interval?: number;
  };
  readonly poll?: { readonly enabled?: boolean; readonly interval?: number };
  readonly offlineAfter?: number;
  readonly removeInactiveAfter?: number;
};

export type Status = 'Online' | 'Offline' | 'Unreachable/Online' | 'Unreachable/Offline';
export type Transition = { readonly at: number; readonly status: Status; readonly cause: string };
