import type { JsonObject, SettingsLevel } from './settings.js';

/** The four statuses (R2). */
export const statuses = ['Online', 'Offline', 'Unreachable/Online', 'Unreachable/Offline'] as const;
export type Status = (typeof statuses)[number];

/** Why a status changed. */
export const causes = [
  'registered',
  'started',
  'reloaded',
  'heartbeat',
  'poll',
  'update',
  'logs',
  'ack',
  'silence',
  'no-route',
  'stopped',
  'uninstalled',
  'inactive',
  'verification',
  'network-changed',
  'policy-changed',
] as const;
export type Cause = (typeof causes)[number];

export type NetworkClass = 'direct' | 'unreachable';

/** A named list of ranges whose machines cannot be dialled: IPv4 `a-b` or CIDR, IPv6 prefix/length (R1). */
export type Network = { readonly name: string; readonly ranges: readonly string[] };

/** Whom a release is for: everybody; or the clients named, and those in the groups that carry the labels. */
export type ReleaseTarget =
  | { readonly all: true }
  | {
      readonly groups?: readonly string[];
      readonly clients?: readonly string[];
      readonly labels?: Readonly<Record<string, string>>;
    };

/** What an administrator may do: each role may also do what those before it may. */
export const roles = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];

/** `group` is what the key is limited to, with all below it; empty is the fleet. */
export type AdminKeyData = {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly group: string;
  readonly expiresAt: string | null;
};

/** How the key behind a piece of work lost the right to it. */
export const holdReasons = ['key-revoked', 'role-lowered', 'group-changed'] as const;
export type HoldReason = (typeof holdReasons)[number];

/** One undelivered thing: the settings as a whole (`key` is `settings`), or one component's update. */
export type WorkItem = {
  readonly kind: 'settings' | 'update';
  readonly key: string;
  readonly revision: string;
  /** The release behind an update. */
  readonly release: string | null;
};

export type SettledItem = WorkItem & {
  readonly outcome: 'applied' | 'failed';
  readonly error: string | null;
  /** How it came to be known: the client acknowledged it, or reported that it has it. */
  readonly via: 'ack' | 'report';
};

/** One of the machines that speak as a client. */
export type CopiedInstance = {
  /** Null where it was found out by its connection alone. */
  readonly instance: string | null;
  /** Where the broker says that it connects from; null where the broker asks nobody who he is. */
  readonly address: string | null;
  /** What it reports itself. */
  readonly ips: readonly string[];
};

/**
 * The facts of Reachback, by type: the data of the current schema version of each. Times are ISO 8601 in UTC.
 * A change of a shape raises its version in `factVersions` and adds an upcaster and a fixture to `libs/event-log`.
 */
export type FactData = {
  'client-registered': {
    readonly ordinal: number;
    readonly name: string | null;
    readonly group: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly ips: readonly string[];
    readonly agentVersion: string | null;
    readonly installed: Readonly<Record<string, string>>;
  };
  /**
   * A client that is known registered again: it was installed anew, and has what it reports and nothing else. Its name,
   * group and labels stay as they are, for an administrator may have set them.
   */
  'client-reinstalled': {
    readonly agentVersion: string | null;
    readonly installed: Readonly<Record<string, string>>;
    /** The settings revision that it had confirmed and reports to have still. */
    readonly settingsRevision: string | null;
  };
  /** What a client says of itself that differs from what was known. */
  'client-reported': {
    readonly agentVersion?: string;
    readonly installed?: Readonly<Record<string, string>>;
  };
  'client-addresses-changed': { readonly ips: readonly string[] };
  'client-edited': {
    readonly name?: string | null;
    readonly group?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  /** Uninstalled by its agent or an administrator, or removed by the server because it was offline too long (R8). */
  'client-removed':
    | { readonly cause: 'uninstalled'; readonly by: 'agent' | 'administrator' }
    | { readonly cause: 'inactive'; readonly by: 'server' };
  'client-status-changed': {
    readonly at: string;
    readonly status: Status;
    readonly cause: Cause;
    readonly network: NetworkClass;
    readonly networkName: string | null;
  };
  /** A group and all below it are gone; the clients in it, if there were any, are in another group. */
  'group-removed': { readonly path: string; readonly moveClientsTo: string | null };
  'settings-changed': { readonly level: SettingsLevel; readonly patch: JsonObject; readonly values: JsonObject };
  /** The key that answers for a level lost the right to: what clients lack of it waits until the level is changed again. */
  'settings-held': { readonly level: SettingsLevel; readonly key: string; readonly reason: HoldReason };
  'networks-changed': { readonly networks: readonly Network[] };
  'release-published': {
    readonly id: string;
    readonly component: string;
    readonly version: string;
    readonly url: string;
    readonly sha256: string;
    readonly size: number;
    readonly target: ReleaseTarget;
    readonly deliverBy: string | null;
    /** How long it takes until every client is admitted, as an ISO 8601 duration; null is all at once. */
    readonly rollout: { readonly over: string } | null;
    /** The group that whoever published it was limited to: it is for nobody elsewhere. Null is no limit. */
    readonly within: string | null;
  };
  /** Nobody gets a paused release, and the time of its rollout stands still. */
  'release-paused': { readonly id: string };
  'release-resumed': { readonly id: string };
  /**
   * The key that answers for it lost the right to: it is paused until an administrator resumes it, who answers for it
   * from then on.
   */
  'release-held': { readonly id: string; readonly key: string; readonly reason: HoldReason };
  /** It is never delivered again; who has it keeps it. */
  'release-withdrawn': { readonly id: string };
  /** An administrator's key, as it is from now on; what it is told by is in no fact. */
  'admin-key-created': AdminKeyData;
  /** `keepsWork`: what it has queued and may not any more is delivered all the same. */
  'admin-key-changed': AdminKeyData & { readonly keepsWork: boolean };
  'admin-key-revoked': { readonly id: string; readonly keepsWork: boolean };
  /** Every direct client is being asked whether it is there (R19). */
  'verification-started': { readonly id: string; readonly reason: 'on-demand' | 'scheduled' };
  /** `direct` and `skipped` (unreachable) were counted when it began to ask. */
  'verification-finished': {
    readonly id: string;
    readonly direct: number;
    readonly asked: number;
    readonly answered: number;
    readonly unanswered: number;
    readonly skipped: number;
  };
  /** A follower's tables are filled anew from the log; and that this was given up. */
  'projection-rebuild-started': { readonly projection: string };
  'projection-rebuild-cancelled': { readonly projection: string };
  /** `request` is the agent's id of the request, or the digest of one that has none: a retry is no other delivery (G7). */
  'work-delivered': { readonly items: readonly WorkItem[]; readonly request: string | null };
  'work-settled': { readonly items: readonly SettledItem[] };
  /** The client started an update by itself; it says nothing about its status (R4). */
  'update-started': { readonly trigger: 'manual' | 'scheduled' };
  'logs-received': { readonly at: string; readonly content: unknown };
  /** An administrator made a token; `publicKey` is that of the credential that it carries for the broker. */
  'enrolment-token-created': {
    readonly id: string;
    readonly publicKey: string;
    readonly clientId: string | null;
    readonly group: string | null;
    readonly labels: Readonly<Record<string, string>>;
    readonly uses: number;
    readonly approval: boolean;
    readonly expiresAt: string;
  };
  'enrolment-token-deleted': { readonly id: string };
  /** A machine presented a token that needs an administrator's approval; it has used the token once. */
  'enrolment-requested': {
    readonly id: string;
    readonly token: string;
    readonly publicKey: string;
    readonly address: string | null;
  };
  'enrolment-approved': { readonly id: string };
  'enrolment-refused': { readonly id: string };
  /** A key was given a credential as this client: by its token alone, or when it was approved. */
  'client-enrolled': {
    readonly enrolment: string;
    readonly token: string;
    readonly publicKey: string;
    readonly address: string | null;
    readonly expiresAt: string;
  };
  'credential-renewed': { readonly publicKey: string; readonly expiresAt: string };
  /** By an administrator; with the client that was removed; or because its id was given to another key afterwards. */
  'credential-revoked': { readonly publicKey: string; readonly reason: 'revoked' | 'removed' | 'replaced' };
  /** It opened so many connections that it is shut out until a time; all of them are ended. */
  'credential-suspended': { readonly publicKey: string; readonly connections: number; readonly until: string };
  /**
   * Two machines speak as this client, in turns or by two connections; the one that was there before the other comes first.
   * Once they can be told apart, it may be said of a client that is known to be copied.
   */
  'client-copied': { readonly instances: readonly [CopiedInstance, CopiedInstance] };
  /** An administrator has decided; `copied` is the position of the fact that it is about. */
  'client-copy-dismissed': { readonly copied: string };
  /**
   * A copy of this client is told, at its next request, by which token it may become a client of its own, and as which.
   * `publicKey` is that of the credential that both have; null where it did not enrol.
   */
  'client-split-offered': {
    readonly token: string;
    readonly clientId: string;
    readonly instance: string;
    readonly address: string | null;
    readonly ips: readonly string[];
    readonly publicKey: string | null;
  };
  /** The copy has asked to be let in with a key of its own, and does not speak as this client any more. */
  'client-split': { readonly token: string; readonly clientId: string; readonly publicKey: string };
  /** Nothing arrived between two times because the broker (or every responder) was away; deadlines move (G1). */
  'lane-gap-observed': { readonly from: string; readonly to: string; readonly away: 'broker' | 'server' };
  /**
   * More clients fell silent at once than a transaction writes: whoever was due before `at` (who only polls: before
   * `tick`) is offline by this fact; the transition of each follows as soon as it is written (R5).
   */
  'lane-silence-judged': { readonly at: string; readonly tick: string };
  /** The stream behind the lane is not the one read before, or has lost messages. */
  'lane-source-reset': {
    readonly reason: 'created' | 'recreated' | 'rewound' | 'messages-lost';
    readonly epoch: number;
    readonly previous: { readonly created: string | null; readonly sequence: string };
    readonly current: { readonly created: string; readonly sequence: string };
  };
};

export type FactType = keyof FactData;

/** The schema version that is written today, by type. */
export const factVersions: Readonly<Record<FactType, number>> = {
  'client-registered': 1,
  'client-reinstalled': 1,
  'client-reported': 1,
  'client-addresses-changed': 1,
  'client-edited': 1,
  'client-removed': 1,
  'client-status-changed': 1,
  'group-removed': 1,
  'settings-changed': 1,
  'settings-held': 1,
  'networks-changed': 1,
  'release-published': 3,
  'release-paused': 1,
  'release-resumed': 1,
  'release-held': 1,
  'release-withdrawn': 1,
  'admin-key-created': 1,
  'admin-key-changed': 1,
  'admin-key-revoked': 1,
  'verification-started': 1,
  'verification-finished': 1,
  'projection-rebuild-started': 1,
  'projection-rebuild-cancelled': 1,
  'work-delivered': 1,
  'work-settled': 1,
  'update-started': 1,
  'logs-received': 1,
  'enrolment-token-created': 1,
  'enrolment-token-deleted': 1,
  'enrolment-requested': 1,
  'enrolment-approved': 1,
  'enrolment-refused': 1,
  'client-enrolled': 1,
  'credential-renewed': 1,
  'credential-revoked': 1,
  'credential-suspended': 1,
  'client-copied': 2,
  'client-copy-dismissed': 1,
  'client-split-offered': 1,
  'client-split': 1,
  'lane-gap-observed': 1,
  'lane-silence-judged': 1,
  'lane-source-reset': 1,
};

/** Who or what caused a fact. */
export type FactMeta = {
  /** `agent`, `system`, `admin:<key name>`, or `oidc:<subject>` of a token. */
  readonly actor: string;
  /** Id of the administrator's key: names may be given anew. Of a token as the actor. */
  readonly key?: string;
  /** Where the request of an administrator came from: an IP address. */
  readonly address?: string;
  /**
   * What an administrator's act replaced, where the data says only what is there now: of settings the merge patch that
   * would undo it, of networks those before, of a client and of a group what they were.
   */
  readonly before?: unknown;
  /** Position of the contact or fact that caused it. */
  readonly causation?: string;
  /** Ties a request to everything it led to: the requester's own id for it, or one made on its arrival. */
  readonly correlation?: string;
  /** What retries of an agent's request that has no id of its own have in common (G7): the digest of its content. */
  readonly request?: string;
};

/** Whether an administrator did it himself; what followed from it by itself has another actor. */
export const isAdministrative = ({ actor }: FactMeta): boolean => actor.startsWith('admin:');

/** A fact that is about to be appended. */
export type NewFact = {
  [T in FactType]: {
    readonly type: T;
    readonly data: FactData[T];
    /** The client it is about; null for the fleet's facts. */
    readonly client: string | null;
    readonly meta: FactMeta;
  };
}[FactType];

/** A fact as it stands in the log. */
export type Fact = NewFact & {
  /** Of the client that it is about, or the lane that it is about; null for the fleet's facts. */
  readonly lane: number | null;
  readonly position: bigint;
  readonly id: string;
  readonly recordedAt: Date;
};
export type FactOf<T extends FactType> = Extract<Fact, { readonly type: T }>;
