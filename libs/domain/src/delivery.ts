/** How far a piece of a client's work has come. */
export type WorkState = 'pending' | 'delivered' | 'failed';

/** One row of a client's queue: what it should have and has not confirmed. */
export type QueuedWork = {
  readonly kind: 'settings' | 'update';
  readonly key: string;
  readonly revision: string;
  readonly release: string | null;
};

export type Release = {
  readonly component: string;
  readonly version: string;
  readonly url: string;
  readonly sha256: string;
  readonly size: number;
  readonly deliverBy: string | null;
};

/** Bytes of settings and updates that one reply carries at most, and how many updates (R14). */
export const replyLimits = { bytes: 256 * 1024, updates: 100 } as const;

/** What a reply carries: settings, then updates while there is room. */
export type Packed<S, U> = { readonly settings: S | null; readonly updates: readonly U[]; readonly more: boolean };

/**
 * Fills a reply (R14). One update is always in it, however large it and the settings are, or it would never come. `more`
 * says that some wait that were never sent; those that were sent and failed come again in their turn, not at once, or
 * a client that can install nothing would ask for ever.
 */
export const packReply = <S, U extends { readonly update: Release; readonly state: WorkState }>(
  settings: S | null,
  updates: readonly U[],
): Packed<S, U> => {
  let bytes = sizeOf(settings);
  const packed: U[] = [];
  for (const work of updates) {
    bytes += sizeOf(work.update);
    if (packed.length === replyLimits.updates || (bytes > replyLimits.bytes && packed.length > 0)) break;
    packed.push(work);
  }
  return { settings, updates: packed, more: updates.slice(packed.length).some(({ state }) => state === 'pending') };
};

const sizeOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

/** A request as a retry of it is known: by its id if that is its own, else by its content and within a short time. */
export type RequestIdentity = { readonly id: string; readonly isUnique: boolean };

/** Milliseconds within which the same request without an id or a time of its own is taken as a retry. */
export const retryWindow = 10_000;

/** Whether a request is one that was answered before, sent again because the answer was lost (G7). */
export const isRetryOf = (
  earlier: { readonly request: string | null; readonly at: Date | null },
  request: RequestIdentity,
  now: Date,
): boolean =>
  earlier.request === request.id &&
  (request.isUnique || (earlier.at !== null && now.getTime() - earlier.at.getTime() <= retryWindow));

/** What was sent before, when, and by which request. */
export type SentWork = {
  readonly state: WorkState;
  readonly request: string | null;
  readonly deliveredAt: Date | null;
};

/** Whether this very request has carried the work already; carrying it again is not another delivery (G7). */
export const isCarriedAgain = (work: SentWork, request: RequestIdentity, now: Date): boolean =>
  work.state === 'delivered' && isRetryOf({ request: work.request, at: work.deliveredAt }, request, now);

/**
 * The order in which work goes into replies: a retry gets what it got; then what was never sent; then the rest, the
 * longest waiting first, so that what fails again and again holds up nothing else (G10).
 */
export const inSendingOrder = <W extends SentWork>(
  work: readonly W[],
  request: RequestIdentity,
  now: Date,
): readonly W[] => {
  const rank = (item: W): number =>
    isCarriedAgain(item, request, now) ? 0 : item.state === 'pending' ? 1 : (item.deliveredAt?.getTime() ?? 2);
  return work
    .map((item) => ({ item, rank: rank(item) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
};

/** What a client says it has. */
export type Report = {
  readonly settingsRevision?: string | undefined;
  readonly installed?: Readonly<Record<string, string>> | undefined;
};

const installedOf = (installed: Readonly<Record<string, string>>, component: string): string | undefined =>
  Object.hasOwn(installed, component) ? installed[component] : undefined;

/**
 * Splits a client's queue by what it reports to have already: that is settled even if the acknowledgement was lost
 * (G6), and need not be sent.
 */
export const settleByReport = <W extends QueuedWork>(
  queue: readonly W[],
  report: Report,
): { readonly settled: readonly W[]; readonly open: readonly W[] } => {
  const has = (work: W): boolean =>
    work.kind === 'settings'
      ? report.settingsRevision === work.revision
      : report.installed !== undefined && installedOf(report.installed, work.key) === work.revision;
  return { settled: queue.filter(has), open: queue.filter((work) => !has(work)) };
};

/** What a client is taken to have. */
export type Confirmed = {
  readonly settingsRevision: bigint;
  readonly installed: Readonly<Record<string, string>>;
};

/** Whether a report says less than what is confirmed: an older settings revision, or another version of a component. */
export const disagrees = (confirmed: Confirmed, { settingsRevision, installed }: Report): boolean =>
  (settingsRevision !== undefined && BigInt(settingsRevision) < confirmed.settingsRevision) ||
  (installed !== undefined &&
    Object.entries(confirmed.installed).some(([component, version]) => installedOf(installed, component) !== version));

/** Work that the client acknowledged and is taken to have. */
export type AcknowledgedWork = QueuedWork & {
  /** Versions of the component that were released after this one: a client that has one has not fallen back. */
  readonly newer: readonly string[];
};

/** Milliseconds after an acknowledgement in which a beat that was sent before it may still arrive. */
export const reportAllowance = 5_000;

/** Whether a beat that arrived `at` (milliseconds) may settle this work: it came after the work was last sent. */
export const countsFor = ({ deliveredAt }: { readonly deliveredAt: Date | null }, at: number): boolean =>
  deliveredAt === null || at >= deliveredAt.getTime();

/** Whether such a beat may contradict an acknowledgement: it cannot be an older one that took longer to arrive. */
export const countsAgainst = ({ settledAt }: { readonly settledAt: Date | null }, at: number): boolean =>
  settledAt === null || at > settledAt.getTime() + reportAllowance;

/** Acknowledged work that the client reports not to have, and how to say so (G6). */
export const contradictedByReport = <W extends AcknowledgedWork>(
  acknowledged: readonly W[],
  report: Report,
): readonly { readonly work: W; readonly error: string }[] =>
  acknowledged.flatMap((work) => {
    const { kind, key, revision, newer } = work;
    const name = kind === 'settings' ? 'settings revision' : key;
    if (kind === 'settings') {
      const reported = report.settingsRevision;
      if (reported === undefined || BigInt(reported) >= BigInt(revision)) return [];
      return [{ work, error: `It acknowledged ${name} ${revision}, and reports ${reported} since.` }];
    }
    if (report.installed === undefined) return [];
    const reported = installedOf(report.installed, key);
    if ([revision, ...newer].some((version) => version === reported)) return [];
    return [
      { work, error: `It acknowledged ${name} ${revision}, and reports ${reported ?? 'that it has none'} since.` },
    ];
  });

/**
 * Whether a client that is known and registers was installed anew: it reports other components than it is taken to
 * have, or not the settings it confirmed. Anything that it does not report it has not.
 */
export const isReinstalled = (confirmed: Confirmed, { settingsRevision = '0', installed = {} }: Report): boolean =>
  disagrees(confirmed, { settingsRevision, installed });
