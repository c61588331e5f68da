import { type AckReply, type AckResult, type Lanes, type NewFact, ReachbackError, type SettledItem } from '#contracts';
import { appendFacts, type Database, lockLog, type Transaction, transact } from '#event-log';
import { inlineProjections } from '#projections';
import type { EffectiveCache } from './effective.js';
import { type KnownClient, readClients } from './read-clients.js';
import { type AckRequest, metaOf } from './request.js';
import { copied, treatmentOf } from './treat.js';

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

/**
 * Takes acknowledgements together, in one transaction. A result is about work that was delivered, or is in the queue;
 * one that says nothing new (sent ten times, or overtaken by a newer revision) is accepted and leaves no trace (G7).
 */
export const serveAcks = async (
  db: Database,
  lanes: Lanes,
  cache: EffectiveCache,
  requests: readonly AckRequest[],
): Promise<ReadonlyMap<AckRequest, AckOutcome>> => {
  const outcomes = new Map<AckRequest, AckOutcome>();
  await transact(db, async (tx) => {
    await lockLog(tx);
    const ids = requests.map((request) => request.clientId);
    const [known, delivered] = await Promise.all([readClients(tx, ids), readDeliveries(tx, ids)]);
    const rows = [...known.values()].map(({ row }) => row);
    await cache.refresh(
      tx,
      rows.filter(({ copyHolder }) => copyHolder !== null),
    );
    const facts = requests.flatMap((request): readonly NewFact[] => {
      const client = known.get(request.clientId);
      if (!client || client.row.removed) {
        outcomes.set(request, { error: new ReachbackError('not_registered') });
        return [];
      }
      if (treatmentOf(request, client.row, cache) === 'refuse') {
        outcomes.set(request, copied());
        return [];
      }
      outcomes.set(request, { reply: { accepted: request.payload.results.length } });
      const items = settle(request.payload.results, client, delivered.get(request.clientId) ?? []);
      if (items.length === 0) return [];
      return [{ type: 'work-settled', client: request.clientId, meta: metaOf(request), data: { items } }];
    });
    await appendFacts(tx, lanes.of, facts, inlineProjections);
  });
  return outcomes;
};

const readDeliveries = async (
  tx: Transaction,
  ids: readonly string[],
): Promise<ReadonlyMap<string, readonly DeliveryRow[]>> => {
  const rows = await tx<DeliveryRow[]>`
    SELECT client_id, kind, key, revision, release, state, delivered_at AS "deliveredAt" FROM delivery WHERE client_id = ANY(${[...ids]})`;
  const byClient = new Map<string, DeliveryRow[]>();
  for (const row of rows) {
    const known = byClient.get(row.client_id);
    if (known) known.push(row);
    else byClient.set(row.client_id, [row]);
  }
  return byClient;
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
  const key = kind === 'settings' ? 'settings' : result.component;
  const revision = kind === 'settings' ? result.revision : result.version;
  const is = (other: { readonly kind: string; readonly key: string; readonly revision: string }): boolean =>
    other.kind === kind && other.key === key && other.revision === revision;
  const before = delivered.find(is);
  const queued = work.find(is);
  if (!before && !queued) return [];
  if (before && isSettledAlready(before.state, outcome)) return [];
  if (kind === 'settings' && BigInt(revision) <= row.confirmedRevision) return [];
  if (kind === 'update' && before && isOvertaken(before, delivered)) return [];
  return [{ kind, key, revision, release: before?.release ?? queued?.release ?? null, outcome, error, via: 'ack' }];
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
