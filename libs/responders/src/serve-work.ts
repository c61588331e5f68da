import { type Lanes, type NewFact, ReachbackError } from '#contracts';
import { disagrees, isReinstalled, type SightingVerdict } from '#domain';
import type { SplitContext } from '#enrolment';
import { appendFacts, type Database, lockLog, type Queryable, type Transaction, transact } from '#event-log';
import { type AcknowledgedByClient, inlineProjections, readAcknowledged } from '#projections';
import { appendUnchanged, mostTries } from './append-unchanged.js';
import { CopiedError } from './copied-error.js';
import type { EffectiveCache } from './effective.js';
import { planDelivery, planRequest } from './plan.js';
import { type ClientRow, type Known, type OpenWork, readClients } from './read-clients.js';
import { register } from './register.js';
import { findRepeatedUpdates } from './repeated-updates.js';
import { type Composed, composeReply, composeWithheld } from './reply.js';
import type { WorkRequest } from './request.js';
import { noteSightings, sight, type Sightings, storeCounts, type Verdicts } from './sightings.js';
import { quarantined, treatmentOf } from './treat.js';

/** What became of a request. */
export type Outcome = { readonly reply: Composed['reply'] } | { readonly error: ReachbackError };

/** What a batch of requests is served from. */
type Read = {
  readonly known: Known;
  readonly since: bigint;
  readonly acknowledged: AcknowledgedByClient;
  readonly repeated: ReadonlySet<WorkRequest>;
  readonly verdicts: Verdicts;
};

/** What a request leads to. */
type Served = {
  readonly outcome: Outcome;
  readonly facts: readonly NewFact[];
  readonly sent: readonly OpenWork[];
};

/**
 * Serves requests for work together, from one read. Those that change nothing are answered from it; what the others lead
 * to is appended in one transaction, and committed before anybody is answered. If something has changed since the read,
 * they are read again. Only if that goes on, or where somebody registers or speaks for the first time, all is read under
 * the log's lock, for which everybody waits.
 */
export const serveWork = async (
  db: Database,
  lanes: Lanes,
  cache: EffectiveCache,
  splitting: SplitContext | undefined,
  requests: readonly WorkRequest[],
): Promise<ReadonlyMap<WorkRequest, Outcome>> => {
  const outcomes = new Map<WorkRequest, Outcome>();
  const left: WorkRequest[] = [];
  let waiting: readonly WorkRequest[] = requests;
  for (let tries = 0; tries < mostTries && waiting.length > 0; tries++) {
    const { served, appearing, isWritten } = await serveUnlocked(db, lanes, cache, waiting);
    left.push(...appearing);
    const unwritten: WorkRequest[] = [];
    for (const [request, { facts, outcome }] of served) {
      if (isWritten || facts.length === 0) outcomes.set(request, outcome);
      else unwritten.push(request);
    }
    waiting = unwritten;
  }
  left.push(...waiting);
  if (left.length > 0) {
    const written = await transact(db, (tx) => serveLocked(tx, lanes, cache, splitting, left));
    for (const [request, { outcome }] of written) outcomes.set(request, outcome);
  }
  return outcomes;
};

/** @returns those whom only the log's lock lets serve; and what the others lead to, which is in the log or not */
const serveUnlocked = async (
  db: Database,
  lanes: Lanes,
  cache: EffectiveCache,
  requests: readonly WorkRequest[],
): Promise<{
  readonly served: ReadonlyMap<WorkRequest, Served>;
  readonly appearing: readonly WorkRequest[];
  readonly isWritten: boolean;
}> => {
  const read = await readFor(db, cache, requests);
  const verdictOf = (request: WorkRequest) => read.verdicts.get(request) ?? 'known';
  const overtaken = await storeCounts(
    db,
    requests.filter((request) => verdictOf(request) === 'counted'),
  );
  const isAppearing = (request: WorkRequest): boolean =>
    makesKnown(request, read.known) || !isUnchanging.has(verdictOf(request)) || overtaken.has(request.clientId);
  const others = requests.filter((request) => !isAppearing(request));
  const served = serveAll(others, read, cache);
  const isWritten = await appendUnchanged(db, lanes, {
    facts: [...served.values()].flatMap(({ facts }) => facts),
    since: read.since,
    clients: others.map(idOf),
    deadline: earliestDeadline([...served.values()].flatMap(({ sent }) => sent)),
  });
  return { served, appearing: requests.filter(isAppearing), isWritten };
};

/** Of these nothing is noted that others have to wait for. */
const isUnchanging: ReadonlySet<SightingVerdict> = new Set(['known', 'counted', 'set-back']);

const idOf = (request: WorkRequest): string => request.clientId;

const readFor = async (db: Queryable, cache: EffectiveCache, requests: readonly WorkRequest[]): Promise<Read> => {
  const { known, since } = await readClients(db, requests.map(idOf));
  await cache.refresh(
    db,
    [...known.values()].map(({ row }) => row),
  );
  const fallenBack = requests.filter((request) => {
    const client = known.get(request.clientId);
    return client !== undefined && hasLess(client.row, request);
  });
  const [acknowledged, repeated] = await Promise.all([
    readAcknowledged(db, fallenBack.map(idOf)),
    findRepeatedUpdates(db, requests),
  ]);
  const verdicts = new Map(requests.map((request) => [request, sight(request, known, cache)]));
  return { known, since, acknowledged, repeated, verdicts };
};

/** Whether a client reports less than it has confirmed: it fell back, or was installed anew. */
const hasLess = (row: ClientRow, { kind, payload }: WorkRequest): boolean => {
  const confirmed = { settingsRevision: row.confirmedRevision, installed: row.installed };
  return kind === 'register' ? isReinstalled(confirmed, payload) : disagrees(confirmed, payload);
};

/** Whether a registration makes known who is not, or no longer, or not as it is now. */
const makesKnown = (request: WorkRequest, known: Known): boolean => {
  if (request.kind !== 'register') return false;
  const client = known.get(request.clientId);
  return !client || client.row.removed || hasLess(client.row, request);
};

const serveAll = (
  requests: readonly WorkRequest[],
  read: Read,
  cache: EffectiveCache,
  sightings?: Sightings,
): ReadonlyMap<WorkRequest, Served> =>
  new Map(requests.map((request) => [request, serveOne(request, read, cache, sightings)]));

const serveOne = (
  request: WorkRequest,
  { known, acknowledged, repeated, verdicts }: Read,
  cache: EffectiveCache,
  sightings?: Sightings,
): Served => {
  const client = known.get(request.clientId);
  if (!client || client.row.removed) return without({ error: new ReachbackError('not_registered') });
  const copy = sightings?.copies.get(request.clientId);
  if (copy) return without({ error: copy });
  const treatment = treatmentOf(request, client.row, cache, sightings?.holders.get(request.clientId));
  if (treatment === 'refuse') return without({ error: new CopiedError() });
  const asked = verdicts.get(request) === 'set-back' ? { renewInstance: true as const } : {};
  if (treatment === 'withhold') {
    return without({ reply: { ...composeWithheld(request, client.row, cache, quarantined), ...asked } });
  }
  const plan = planRequest(request, client, {
    acknowledged: acknowledged.get(request.clientId) ?? [],
    isRepeated: repeated.has(request),
  });
  const { reply, sent } = composeReply(request, client.row, plan.open, cache);
  return { outcome: { reply: { ...reply, ...asked } }, facts: [...plan.facts, ...planDelivery(request, sent)], sent };
};

/** An answer that has no other effect. */
const without = (outcome: Outcome): Served => ({ outcome, facts: [], sent: [] });

/** When the first of what is sent may not be sent any more (G5). */
const earliestDeadline = (sent: readonly OpenWork[]): string | null => {
  let earliest: string | null = null;
  for (const { update } of sent) {
    const deadline = update?.deliverBy ?? null;
    if (deadline !== null && (earliest === null || deadline < earliest)) earliest = deadline;
  }
  return earliest;
};

const serveLocked = async (
  tx: Transaction,
  lanes: Lanes,
  cache: EffectiveCache,
  splitting: SplitContext | undefined,
  requests: readonly WorkRequest[],
): Promise<ReadonlyMap<WorkRequest, Served>> => {
  // Sent together: the lock is not held while its answer comes and the first question goes.
  await Promise.all([lockLog(tx), register(tx, lanes, requests)]);
  const read = await readFor(tx, cache, requests);
  const sightings = await noteSightings(tx, { lanes, cache, splitting }, read.verdicts, read.known);
  const served = serveAll(requests, read, cache, sightings);
  const facts = [...served.values()].flatMap((one) => one.facts);
  await appendFacts(tx, lanes.of, facts, inlineProjections);
  return served;
};
