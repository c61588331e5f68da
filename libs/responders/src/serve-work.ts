import { ReachbackError } from '#contracts';
import {
  appendFacts,
  type Database,
  lockLane,
  type Queryable,
  reserveOrdinals,
  type Transaction,
  transact,
} from '#event-log';
import { inlineProjections } from '#projections';
import type { EffectiveCache } from './effective.js';
import { planDelivery, planRegistration, planRequest } from './plan.js';
import { type KnownClient, readClients } from './read-clients.js';
import { type Composed, composeReply } from './reply.js';
import type { WorkRequest } from './request.js';

/** What became of a request. */
export type Outcome = { readonly reply: Composed['reply'] } | { readonly error: ReachbackError };

type Known = ReadonlyMap<string, KnownClient>;

/**
 * Serves requests for work together. Those that change nothing (most polls) are answered from one read; the others
 * share a transaction that takes the lane's lock, reads again, and commits before anybody is answered.
 */
export const serveWork = async (
  db: Database,
  lane: number,
  cache: EffectiveCache,
  requests: readonly WorkRequest[],
): Promise<ReadonlyMap<WorkRequest, Outcome>> => {
  const known = await readClients(db, requests.map(idOf));
  await refresh(db, cache, known);
  const outcomes = new Map<WorkRequest, Outcome>();
  const writing = requests.filter((request) => {
    const answer = answerWithoutWriting(request, known, cache);
    if (answer) outcomes.set(request, answer);
    return !answer;
  });
  if (writing.length > 0) {
    const written = await transact(db, (tx) => serveWriting(tx, lane, cache, writing));
    for (const [request, outcome] of written) outcomes.set(request, outcome);
  }
  return outcomes;
};

const idOf = (request: WorkRequest): string => request.clientId;

const refresh = (db: Queryable, cache: EffectiveCache, known: Known): Promise<void> =>
  cache.refresh(
    db,
    [...known.values()].map(({ row }) => row),
  );

const notRegistered = (): Outcome => ({ error: new ReachbackError('not_registered') });

const answerWithoutWriting = (request: WorkRequest, known: Known, cache: EffectiveCache): Outcome | undefined => {
  const client = known.get(request.clientId);
  if (request.kind === 'register' && (!client || client.row.removed)) return undefined;
  if (!client || client.row.removed) return notRegistered();
  const plan = planRequest(request, client);
  const { reply, sent } = composeReply(request, client.row, plan.open, cache);
  return plan.facts.length === 0 && planDelivery(request, sent).length === 0 ? { reply } : undefined;
};

const serveWriting = async (
  tx: Transaction,
  lane: number,
  cache: EffectiveCache,
  requests: readonly WorkRequest[],
): Promise<ReadonlyMap<WorkRequest, Outcome>> => {
  await lockLane(tx, lane);
  await register(tx, lane, requests);
  const known = await readClients(tx, requests.map(idOf));
  await refresh(tx, cache, known);
  const outcomes = new Map<WorkRequest, Outcome>();
  const facts = requests.flatMap((request) => {
    const client = known.get(request.clientId);
    if (!client || client.row.removed) {
      outcomes.set(request, notRegistered());
      return [];
    }
    const plan = planRequest(request, client);
    const { reply, sent } = composeReply(request, client.row, plan.open, cache);
    outcomes.set(request, { reply });
    return [...plan.facts, ...planDelivery(request, sent)];
  });
  await appendFacts(tx, lane, facts, inlineProjections);
  return outcomes;
};

/** Makes known whoever registers and is not, or no longer. */
const register = async (tx: Transaction, lane: number, requests: readonly WorkRequest[]): Promise<void> => {
  const registering = requests.filter((request) => request.kind === 'register');
  if (registering.length === 0) return;
  const rows = await tx<{ id: string; ordinal: number; removed: boolean }[]>`
    SELECT id, ordinal, removed_at IS NOT NULL AS removed FROM client WHERE id = ANY(${registering.map(idOf)})`;
  const known = new Map(rows.map((row) => [row.id, row]));
  const fresh = registering.filter((request) => !known.has(request.clientId));
  let ordinal = fresh.length > 0 ? await reserveOrdinals(tx, lane, fresh.length) : 0;
  const facts = registering.flatMap((request) => {
    const row = known.get(request.clientId);
    if (row && !row.removed) return [];
    return [planRegistration(request, row ? row.ordinal : ordinal++)];
  });
  await appendFacts(tx, lane, facts, inlineProjections);
};
