import { type AckReply, type AckResult, type Lanes, type NewFact, ReachbackError, type SettledItem } from '#contracts';
import { isSplitting } from '#domain';
import { appendFacts, type Database, lockLog, lowestHead, type Queryable, transact } from '#event-log';
import { inlineProjections } from '#projections';
import { appendUnchanged, mostTries } from './append-unchanged.js';
import { CopiedError } from './copied-error.js';
import type { EffectiveCache } from './effective.js';
import { type ClientRow, type Known, type KnownClient, knownFrom, selectClients, selectWork } from './read-clients.js';
import { type AckRequest, metaOf } from './request.js';
import { treatmentOf } from './treat.js';

export type AckOutcome = { readonly reply: AckReply } | { readonly error: ReachbackError };

type DeliveryRow = {
  readonly client_id: string;
  readonly kind: string;
  readonly key: string;
  readonly revision: string;
  readonly release: string | null;
  readonly state: string;
  readonly deliveredAt: Date | null;
};

/** What a batch of acknowledgements is about. */
type Read = {
  readonly known: Known;
  readonly delivered: ReadonlyMap<string, readonly DeliveryRow[]>;
  readonly since: bigint;
};

/** What acknowledgements lead to. */
type Served = { readonly outcomes: ReadonlyMap<AckRequest, AckOutcome>; readonly facts: readonly NewFact[] };

/**
 * Takes acknowledgements together, in one transaction. A result is about work that was delivered, or is in the queue;
 * one that says nothing new (sent ten times, or overtaken by a newer revision) is accepted and leaves no trace (G7).
 * Should something have changed between the read and the log's lock, all is read again, in the end under it.
 */
export const serveAcks = async (
  db: Database,
  lanes: Lanes,
  cache: EffectiveCache,
  requests: readonly AckRequest[],
): Promise<ReadonlyMap<AckRequest, AckOutcome>> => {
  const ids = requests.map(idOf);
  for (let tries = 1; tries <= mostTries; tries++) {
    const read = await readFor(db, cache, requests);
    const { outcomes, facts } = serveAll(requests, read, cache);
    if (await appendUnchanged(db, lanes, { facts, since: read.since, clients: ids, deadline: null })) return outcomes;
  }
  return transact(db, async (tx) => {
    await lockLog(tx);
    const served = serveAll(requests, await readFor(tx, cache, requests), cache);
    await appendFacts(tx, lanes.of, served.facts, inlineProjections);
    return served.outcomes;
  });
};

const serveAll = (requests: readonly AckRequest[], { known, delivered }: Read, cache: EffectiveCache): Served => {
  const outcomes = new Map<AckRequest, AckOutcome>();
  const facts = requests.flatMap((request): readonly NewFact[] => {
    const client = known.get(request.clientId);
    if (!client || client.row.removed) {
      outcomes.set(request, { error: new ReachbackError('not_registered') });
      return [];
    }
    const isSplit = isSplitOff(request, client.row, cache);
    if (isSplit || treatmentOf(request, client.row, cache) === 'refuse') {
      outcomes.set(request, { error: new CopiedError(isSplit ? 'ask' : undefined) });
      return [];
    }
    outcomes.set(request, { reply: { accepted: request.payload.results.length } });
    const items = settle(request.payload.results, client, delivered.get(request.clientId) ?? []);
    if (items.length === 0) return [];
    return [{ type: 'work-settled', client: request.clientId, meta: metaOf(request), data: { items } }];
  });
  return { outcomes, facts };
};

/** A copy hears how it becomes a client of its own when it asks for work. */
const isSplitOff = ({ payload: { instance } }: AckRequest, row: ClientRow, cache: EffectiveCache): boolean =>
  instance !== undefined && row.copies?.includes(instance) === true && isSplitting(cache.of(row).policy.copies);

/** The queue is read only of clients with a result about what was not delivered: it takes longer than all the rest. */
const readFor = async (db: Queryable, cache: EffectiveCache, requests: readonly AckRequest[]): Promise<Read> => {
  const ids = requests.map(idOf);
  const [rows, deliveries] = await Promise.all([selectClients(db, ids), selectDeliveries(db, requests)]);
  const delivered = new Map<string, DeliveryRow[]>();
  for (const row of deliveries) {
    if (row.client_id === null) continue;
    const before = delivered.get(row.client_id);
    if (before) before.push(row);
    else delivered.set(row.client_id, [row]);
  }
  const isDelivered = ({ clientId, payload: { results } }: AckRequest): boolean =>
    results.every((result) => delivered.get(clientId)?.some(isAbout(result)));
  const others = requests.filter((request) => !isDelivered(request)).map(idOf);
  const work = others.length > 0 ? await selectWork(db, others) : [];
  const copies = rows.filter(isCopied);
  if (copies.length > 0) await cache.refresh(db, copies);
  return { known: knownFrom(rows, work), delivered, since: lowestHead([rows, deliveries, work]) };
};

const idOf = ({ clientId }: AckRequest): string => clientId;

const isCopied = ({ copied, copies }: ClientRow): boolean => copied || (copies !== null && copies.length > 0);

/**
 * What the results are about, and the other versions of the same components that were confirmed: not all that a client was
 * ever sent. One row at least, which says where the head was.
 */
const selectDeliveries = (db: Queryable, requests: readonly AckRequest[]) => {
  const pieces = requests.flatMap(({ clientId, payload: { results } }) =>
    results.map((result) => ({ clientId, ...subjectOf(result) })),
  );
  return db<((DeliveryRow | { client_id: null }) & { since: bigint })[]>`
    SELECT h.position AS since, d.client_id, d.kind, d.key, d.revision, d.release, d.state,
           d.delivered_at AS "deliveredAt"
    FROM log_head h
    LEFT JOIN (
      unnest(
        ${pieces.map(({ clientId }) => clientId)}::text[], ${pieces.map(({ kind }) => kind)}::text[],
        ${pieces.map(({ key }) => key)}::text[], ${pieces.map(({ revision }) => revision)}::text[]
      ) AS x (client_id, kind, key, revision)
      CROSS JOIN LATERAL (
        SELECT * FROM delivery
        WHERE client_id = x.client_id AND kind = x.kind AND key = x.key AND revision = x.revision
        UNION ALL
        SELECT * FROM delivery
        WHERE x.kind = 'update' AND client_id = x.client_id AND kind = 'update' AND key = x.key
          AND revision <> x.revision AND state = 'acknowledged'
        OFFSET 0
      ) d
    ) ON true`;
};

const settle = (
  results: readonly AckResult[],
  client: KnownClient,
  delivered: readonly DeliveryRow[],
): readonly SettledItem[] => {
  const items = results.flatMap((result) => settleOne(result, client, delivered));
  return [...new Map(items.map((item) => [`${item.kind} ${item.key} ${item.revision}`, item])).values()];
};

const settleOne = (
  result: AckResult,
  { row, work }: KnownClient,
  delivered: readonly DeliveryRow[],
): readonly SettledItem[] => {
  const { kind, outcome, error = null } = result;
  const { key, revision } = subjectOf(result);
  const before = delivered.find(isAbout(result));
  const queued = work.find(isAbout(result));
  if (!before && !queued) return [];
  if (before && isSettledAlready(before.state, outcome)) return [];
  if (kind === 'settings' && BigInt(revision) <= row.confirmedRevision) return [];
  if (kind === 'update' && before && isOvertaken(before, delivered)) return [];
  return [{ kind, key, revision, release: before?.release ?? queued?.release ?? null, outcome, error, via: 'ack' }];
};

type Piece = { readonly kind: string; readonly key: string; readonly revision: string };

/** The piece of work that a result is about. */
const subjectOf = (result: AckResult): Piece =>
  result.kind === 'settings'
    ? { kind: result.kind, key: 'settings', revision: result.revision }
    : { kind: result.kind, key: result.component, revision: result.version };

const isAbout = (result: AckResult) => {
  const { kind, key, revision } = subjectOf(result);
  return (other: Piece): boolean => other.kind === kind && other.key === key && other.revision === revision;
};

/** Done is done: a failure that arrives late does not undo an acknowledgement. */
const isSettledAlready = (state: string, outcome: 'applied' | 'failed'): boolean =>
  state === 'acknowledged' || (state === 'failed' && outcome === 'failed');

/** The client has since been sent, and has confirmed, another version of the component. */
const isOvertaken = (before: DeliveryRow, delivered: readonly DeliveryRow[]): boolean =>
  delivered.some(
    ({ kind, key, state, deliveredAt }) =>
      kind === before.kind &&
      key === before.key &&
      state === 'acknowledged' &&
      (deliveredAt?.getTime() ?? 0) > (before.deliveredAt?.getTime() ?? 0),
  );
