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

/** Whether the reply to a contact carries undelivered work: polls and connecting contacts do, a beat never (R13–R15). */
export const carriesWork = (kind: string): boolean =>
  kind === 'poll' || kind === 'register' || kind === 'start' || kind === 'reload' || kind === 'update';

/** What a reply carries: settings first, then updates while there is room; `more` says that some had to wait (R14). */
export const packReply = <S, U extends Release>(
  settings: S | null,
  updates: readonly U[],
): { readonly settings: S | null; readonly updates: readonly U[]; readonly more: boolean } => {
  let bytes = settings === null ? 0 : sizeOf(settings);
  const packed: U[] = [];
  for (const update of updates) {
    bytes += sizeOf(update);
    if (
      packed.length === replyLimits.updates ||
      (bytes > replyLimits.bytes && (packed.length > 0 || settings !== null))
    )
      break;
    packed.push(update);
  }
  return { settings, updates: packed, more: packed.length < updates.length };
};

const sizeOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

/** What a client says it has. */
export type Report = {
  readonly settingsRevision?: string | undefined;
  readonly installed?: Readonly<Record<string, string>> | undefined;
};

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
      : report.installed !== undefined &&
        Object.hasOwn(report.installed, work.key) &&
        report.installed[work.key] === work.revision;
  return { settled: queue.filter(has), open: queue.filter((work) => !has(work)) };
};
