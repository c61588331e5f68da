import type { CopiedInstance, Lanes, NewFact } from '#contracts';
import {
  type Counted,
  countedBy,
  type Instances,
  isSplitting,
  judgeSighting,
  type Sighting,
  type SightingVerdict,
  takeBack,
  takeOver,
} from '#domain';
import { offerSplit, type SplitContext } from '#enrolment';
import { appendFacts, type Queryable, send, type Transaction } from '#event-log';
import { inlineProjections } from '#projections';
import { CopiedError } from './copied-error.js';
import type { EffectiveCache } from './effective.js';
import type { ClientRow, Known } from './read-clients.js';
import { metaOf, type WorkRequest } from './request.js';

/** What a request says of who sent it; undefined of an agent that does not say which process it is. */
const sightingOf = ({ payload: { instance, sequence, time }, receivedAt: at }: WorkRequest): Sighting | undefined =>
  instance === undefined
    ? undefined
    : { instance, sequence: sequence ?? null, at, sentAt: time === undefined ? null : Date.parse(time) };

const instancesOf = (row: ClientRow): Instances | undefined => {
  const { instance, instanceSince, instanceSentAt, pastInstances, copies, sequence, sequenceAt, sequenceSentAt } = row;
  if (instance === null || instanceSince === null) return undefined;
  return {
    current: instance,
    since: instanceSince.getTime(),
    sentAt: instanceSentAt?.getTime() ?? null,
    past: pastInstances ?? [],
    copies: copies ?? [],
    counted:
      sequence === null || sequenceAt === null
        ? null
        : { sequence, since: sequenceAt.getTime(), sentAt: sequenceSentAt?.getTime() ?? null },
  };
};

/**
 * Whether another process speaks than before. Of who is not registered nothing is found out; nor, where copies are not
 * split off, of who is known to be copied, and by whom.
 */
export const sight = (request: WorkRequest, known: Known, cache: EffectiveCache): SightingVerdict => {
  const seen = sightingOf(request);
  const row = known.get(request.clientId)?.row;
  if (!seen || !row || row.removed) return 'known';
  if (row.copyHolder !== null && !splits(row, cache)) return 'known';
  return judgeSighting(instancesOf(row), seen);
};

const splits = (row: ClientRow, cache: EffectiveCache): boolean => isSplitting(cache.of(row).policy.copies);

export type Verdicts = ReadonlyMap<WorkRequest, SightingVerdict>;

/** A machine that says which process speaks. */
type Speaker = CopiedInstance & { readonly instance: string };

/** A request of a client that two machines speak as. */
type Meeting = {
  readonly request: WorkRequest;
  readonly row: ClientRow;
  readonly seen: Sighting;
  readonly verdict: SightingVerdict;
  /** The one that took over last. */
  readonly other: Speaker;
};

/** What was found out about the clients of a batch of requests, by client: a batch has one request of each. */
export type Sightings = {
  /** Of those of whom it is found out who copied whom: the instance that was there before the other. */
  readonly holders: ReadonlyMap<string, string>;
  /** Those whose request is of a copy that is to become a client of its own. */
  readonly copies: ReadonlyMap<string, CopiedError>;
};

export type SightingOptions = {
  readonly lanes: Lanes;
  readonly cache: EffectiveCache;
  /** Undefined where this process lets nobody in: copies then wait. */
  readonly splitting: SplitContext | undefined;
};

/**
 * Notes which processes took over, and that clients were copied, in the transaction that serves the requests; and, where
 * that is the policy, has the copies become clients of their own.
 */
export const noteSightings = async (
  tx: Transaction,
  options: SightingOptions,
  verdicts: Verdicts,
  known: Known,
): Promise<Sightings> => {
  const { lanes } = options;
  const judged = [...verdicts].flatMap(([request, verdict]) => {
    const row = known.get(request.clientId)?.row;
    const seen = sightingOf(request);
    return row && seen ? [{ request, row, seen, verdict }] : [];
  });
  await storeCounts(
    tx,
    judged.filter(({ verdict }) => verdict === 'counted').map(({ request }) => request),
  );
  const taken = judged.filter(({ verdict }) => verdict === 'taken-over');
  storeInstances(
    tx,
    taken.map(({ request, row, seen }) => ({ request, instances: takeOver(instancesOf(row), seen) })),
  );
  const meeting = judged.filter(({ verdict }) => verdict === 'copied' || verdict === 'copy');
  if (meeting.length === 0) return { holders: new Map(), copies: new Map() };
  const others = await selectCurrent(
    tx,
    meeting.map(({ row }) => row.id),
  );
  const meetings = meeting.flatMap((one): readonly Meeting[] => {
    const other = others.get(one.row.id);
    return other ? [{ ...one, other }] : [];
  });
  const found = meetings.filter(({ row }) => row.copyHolder === null);
  await appendFacts(tx, lanes.of, found.map(factOf), inlineProjections);
  const copies = await splitOff(tx, options, meetings);
  return { holders: new Map(found.map((one) => [one.row.id, inOrder(one)[0].instance])), copies };
};

/** Who was there before the other comes first. */
const inOrder = ({ request, verdict, other }: Meeting): readonly [Speaker, Speaker] =>
  verdict === 'copy' ? [other, describe(request)] : [describe(request), other];

const factOf = (meeting: Meeting): NewFact => ({
  type: 'client-copied',
  client: meeting.row.id,
  meta: metaOf(meeting.request),
  data: { instances: inOrder(meeting) },
});

/** Who speaks on has his place back; those that took over from him are answered how they become clients of their own. */
const splitOff = async (
  tx: Transaction,
  { cache, splitting }: SightingOptions,
  meetings: readonly Meeting[],
): Promise<ReadonlyMap<string, CopiedError>> => {
  const concerned = meetings.filter(({ row }) => splits(row, cache));
  const copies = new Map<string, CopiedError>();
  for (const { request, row, seen, verdict } of concerned) {
    const instances = instancesOf(row);
    if (verdict === 'copied' && instances) storeInstances(tx, [{ request, instances: takeBack(instances, seen) }]);
    if (verdict !== 'copy') continue;
    const onApproval = cache.of(row).policy.copies === 'split-on-approval';
    const copy = { ...describe(request), clientId: row.id, onApproval };
    const split = splitting && (await offerSplit(splitting, tx, copy, request.correlation));
    copies.set(row.id, new CopiedError(split));
  }
  return copies;
};

const describe = ({ payload: { instance = '', ips = [] }, address }: WorkRequest): Speaker => ({
  instance,
  address: address(),
  ips,
});

type Stored = { readonly request: WorkRequest; readonly instances: Instances };

const storeInstances = (tx: Transaction, stored: readonly Stored[]): void => {
  if (stored.length === 0) return;
  const rows = stored.map(({ request, instances: { current, since, sentAt, past, copies, counted } }) => {
    const at = { since: new Date(since), sent_at: dateOf(sentAt) };
    const { address, ips } = describe(request);
    return { client_id: request.clientId, instance: current, ...at, address, ips, past, copies, ...columnsOf(counted) };
  });
  send(tx)`
    INSERT INTO client_instance (
      client_id, instance, since, sent_at, address, ips, past, copies, sequence, sequence_at, sequence_sent_at)
    SELECT client_id, instance, since, sent_at, address, ips, past, copies, sequence, sequence_at, sequence_sent_at
    FROM jsonb_populate_recordset(NULL::client_instance, ${JSON.stringify(rows)}::text::jsonb)
    ON CONFLICT (client_id) DO UPDATE SET
      instance = excluded.instance, since = excluded.since, sent_at = excluded.sent_at, address = excluded.address,
      ips = excluded.ips, past = excluded.past, copies = excluded.copies, sequence = excluded.sequence,
      sequence_at = excluded.sequence_at, sequence_sent_at = excluded.sequence_sent_at`;
};

const dateOf = (time: number | null): Date | null => (time === null ? null : new Date(time));

const columnsOf = (counted: Counted | null) => ({
  sequence: counted?.sequence ?? null,
  sequence_at: dateOf(counted?.since ?? null),
  sequence_sent_at: dateOf(counted?.sentAt ?? null),
});

/**
 * Notes how far processes have counted; without the log's lock, for a sixteenth of all polls do it.
 *
 * @returns the clients of whom it is not noted: somebody else was quicker, and they are to be looked at anew
 */
export const storeCounts = async (db: Queryable, requests: readonly WorkRequest[]): Promise<ReadonlySet<string>> => {
  if (requests.length === 0) return new Set();
  const rows = requests.flatMap((request) => {
    const seen = sightingOf(request);
    if (!seen) return [];
    return [{ client_id: request.clientId, instance: seen.instance, ...columnsOf(countedBy(seen)) }];
  });
  const stored = await db<{ id: string }[]>`
    UPDATE client_instance i
    SET sequence = n.sequence, sequence_at = n.sequence_at, sequence_sent_at = n.sequence_sent_at
    FROM jsonb_populate_recordset(NULL::client_instance, ${JSON.stringify(rows)}::text::jsonb) n
    WHERE i.client_id = n.client_id AND i.instance = n.instance AND (i.sequence IS NULL OR i.sequence < n.sequence)
    RETURNING i.client_id AS id`;
  const done = new Set(stored.map(({ id }) => id));
  return new Set(requests.map(({ clientId }) => clientId).filter((id) => !done.has(id)));
};

const selectCurrent = async (tx: Transaction, ids: readonly string[]): Promise<ReadonlyMap<string, Speaker>> => {
  const rows = await tx<(Speaker & { readonly id: string })[]>`
    SELECT client_id AS id, instance, address, ips FROM client_instance WHERE client_id = ANY(${[...ids]})`;
  return new Map(rows.map(({ id, ...current }) => [id, current]));
};
