import { type Lanes, ReachbackError } from '#contracts';
import { disagrees, isReinstalled } from '#domain';
import { appendFacts, type Database, lockLog, type Queryable, type Transaction, transact } from '#event-log';
import { inlineProjections, readAcknowledged } from '#projections';
import type { EffectiveCache } from './effective.js';
import { planDelivery, planRequest } from './plan.js';
import { type ClientRow, type KnownClient, readClients } from './read-clients.js';
import { register } from './register.js';
import { findRepeatedUpdates } from './repeated-updates.js';
import { type Composed, composeReply, composeWithheld } from './reply.js';
import type { WorkRequest } from './request.js';
import { noteSightings, sight } from './sightings.js';
import { copied, quarantined, treatmentOf } from './treat.js';

/** What became of a request. */
export type Outcome = { readonly reply: Composed['reply'] } | { readonly error: ReachbackError };

type Known = ReadonlyMap<string, KnownClient>;

/**
 * Serves requests for work together. Those that change nothing (most polls) are answered from one read; the others
 * share a transaction that takes the log's lock, reads again, and commits before anybody is answered.
 */
export const serveWork = async (
  db: Database,
  lanes: Lanes,
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
    const written = await transact(db, (tx) => serveWriting(tx, lanes, cache, writing));
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
  const unserved = answerCopied(request, client.row, cache);
  if (unserved) return unserved;
  if (hasLess(client.row, request) || sight(request, client.row) !== 'known') return undefined;
  const plan = planRequest(request, client);
  const { reply, sent } = composeReply(request, client.row, plan.open, cache);
  return plan.facts.length === 0 && planDelivery(request, sent).length === 0 ? { reply } : undefined;
};

/** The answer to who is not served, because two machines speak as this client; it has no other effect. */
const answerCopied = (
  request: WorkRequest,
  row: ClientRow,
  cache: EffectiveCache,
  holder?: string,
): Outcome | undefined => {
  const treatment = treatmentOf(request, row, cache, holder);
  if (treatment === 'serve') return undefined;
  return treatment === 'refuse' ? copied() : { reply: composeWithheld(request, row, cache, quarantined) };
};

/** Whether a client reports less than it has confirmed: it fell back, or was installed anew. */
const hasLess = (row: ClientRow, { kind, payload }: WorkRequest): boolean => {
  const confirmed = { settingsRevision: row.confirmedRevision, installed: row.installed };
  return kind === 'register' ? isReinstalled(confirmed, payload) : disagrees(confirmed, payload);
};

const serveWriting = async (
  tx: Transaction,
  lanes: Lanes,
  cache: EffectiveCache,
  requests: readonly WorkRequest[],
): Promise<ReadonlyMap<WorkRequest, Outcome>> => {
  await lockLog(tx);
  await register(tx, lanes, requests);
  const known = await readClients(tx, requests.map(idOf));
  await refresh(tx, cache, known);
  const fallenBack = requests.filter((request) => {
    const client = known.get(request.clientId);
    return client !== undefined && hasLess(client.row, request);
  });
  const holders = await noteSightings(tx, lanes, requests, known);
  const [acknowledged, repeated] = await Promise.all([
    readAcknowledged(tx, fallenBack.map(idOf)),
    findRepeatedUpdates(tx, requests),
  ]);
  const outcomes = new Map<WorkRequest, Outcome>();
  const facts = requests.flatMap((request) => {
    const client = known.get(request.clientId);
    if (!client || client.row.removed) {
      outcomes.set(request, notRegistered());
      return [];
    }
    const unserved = answerCopied(request, client.row, cache, holders.get(request.clientId));
    if (unserved) {
      outcomes.set(request, unserved);
      return [];
    }
    const plan = planRequest(request, client, {
      acknowledged: acknowledged.get(request.clientId) ?? [],
      isRepeated: repeated.has(request),
    });
    const { reply, sent } = composeReply(request, client.row, plan.open, cache);
    outcomes.set(request, { reply });
    return [...plan.facts, ...planDelivery(request, sent)];
  });
  await appendFacts(tx, lanes.of, facts, inlineProjections);
  return outcomes;
};
