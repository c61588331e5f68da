/** Whom a release is for. */
export type Target =
  | { readonly all: true }
  | { readonly groups: readonly string[] }
  | { readonly labels: Readonly<Record<string, string>> }
  | { readonly clients: readonly string[] };

export type BookedRelease = {
  readonly component: string;
  readonly version: string;
  readonly target: Target;
  /** Milliseconds since 1970; null is never. */
  readonly deliverBy: number | null;
};

/** What the administrator did, as the answers confirmed it. Revisions are positions in the log. */
export type Book = {
  fleetRevision: number;
  /** By path, of changes to just this group. */
  readonly groupRevisions: Map<string, number>;
  readonly clientRevisions: Map<string, number>;
  /** In the order of their publication. */
  readonly releases: BookedRelease[];
};

export const emptyBook = (): Book => ({
  fleetRevision: 0,
  groupRevisions: new Map(),
  clientRevisions: new Map(),
  releases: [],
});

/** What an agent has, and what it could not apply. */
export type AgentState = {
  readonly settingsRevision: string;
  readonly installed: Readonly<Record<string, string>>;
  /** By `settings` or component, the revision or version that it was sent last and said to have failed. */
  readonly failed: Readonly<Record<string, string>>;
  /** Polls it sent, with those sent again; and polls that were answered. */
  readonly sent: number;
  readonly answered: number;
};
