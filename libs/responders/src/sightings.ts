import type { CopiedInstance, Lanes, NewFact } from '#contracts';
import { type Instances, judgeSighting, type Sighting, type SightingVerdict, takeOver } from '#domain';
import { appendFacts, send, type Transaction } from '#event-log';
import { inlineProjections } from '#projections';
import type { ClientRow, Known } from './read-clients.js';
import { metaOf, type WorkRequest } from './request.js';

/** What a request says of who sent it; undefined of an agent that does not say which process it is. */
const sightingOf = ({ payload: { instance, time } }: WorkRequest): Sighting | undefined =>
  instance === undefined
    ? undefined
    : { instance, at: Date.now(), sentAt: time === undefined ? null : Date.parse(time) };

const instancesOf = ({ instance, instanceSince, instanceSentAt, pastInstances }: ClientRow): Instances | undefined =>
  instance === null || instanceSince === null
    ? undefined
    : {
        current: instance,
        since: instanceSince.getTime(),
        sentAt: instanceSentAt?.getTime() ?? null,
        past: pastInstances ?? [],
      };

/**
 * Whether another process speaks than before. Of who is not registered, or is known to be copied, nothing more is found
 * out.
 */
export const sight = (request: WorkRequest, known: Known): SightingVerdict => {
  const seen = sightingOf(request);
  const row = known.get(request.clientId)?.row;
  return seen && row && !row.removed && row.copyHolder === null ? judgeSighting(instancesOf(row), seen) : 'known';
};

/**
 * Notes which processes took over, and that clients were copied, in the transaction that serves the requests.
 *
 * @returns of the clients that turn out to be copied, the instance that was there before the other
 */
export const noteSightings = async (
  tx: Transaction,
  lanes: Lanes,
  requests: readonly WorkRequest[],
  known: Known,
): Promise<ReadonlyMap<string, string>> => {
  const are = (verdict: SightingVerdict) => requests.filter((request) => sight(request, known) === verdict);
  storeTakeovers(tx, are('taken-over'), known);
  const copied = are('copied');
  if (copied.length === 0) return new Map();
  const others = await selectCurrent(
    tx,
    copied.map(({ clientId }) => clientId),
  );
  const facts = copied.flatMap((request): readonly NewFact[] => {
    const other = others.get(request.clientId);
    if (!other) return [];
    const instances = [describe(request), other] as const;
    return [{ type: 'client-copied', client: request.clientId, meta: metaOf(request), data: { instances } }];
  });
  await appendFacts(tx, lanes.of, facts, inlineProjections);
  return new Map(copied.map((request) => [request.clientId, describe(request).instance]));
};

const describe = ({ payload: { instance = '', ips = [] }, address }: WorkRequest): CopiedInstance => ({
  instance,
  address: address(),
  ips,
});

const storeTakeovers = (tx: Transaction, requests: readonly WorkRequest[], known: Known): void => {
  const rows = requests.flatMap((request) => {
    const seen = sightingOf(request);
    const row = known.get(request.clientId)?.row;
    if (!seen || !row) return [];
    const { current, since, sentAt, past } = takeOver(instancesOf(row), seen);
    const at = { since: new Date(since), sent_at: sentAt === null ? null : new Date(sentAt) };
    const { address, ips } = describe(request);
    return [{ client_id: request.clientId, instance: current, ...at, address, ips, past }];
  });
  if (rows.length === 0) return;
  send(tx)`
    INSERT INTO client_instance (client_id, instance, since, sent_at, address, ips, past)
    SELECT client_id, instance, since, sent_at, address, ips, past
    FROM jsonb_populate_recordset(NULL::client_instance, ${JSON.stringify(rows)}::text::jsonb)
    ON CONFLICT (client_id) DO UPDATE SET
      instance = excluded.instance, since = excluded.since, sent_at = excluded.sent_at, address = excluded.address,
      ips = excluded.ips, past = excluded.past`;
};

const selectCurrent = async (tx: Transaction, ids: readonly string[]): Promise<ReadonlyMap<string, CopiedInstance>> => {
  const rows = await tx<(CopiedInstance & { readonly id: string })[]>`
    SELECT client_id AS id, instance, address, ips FROM client_instance WHERE client_id = ANY(${[...ids]})`;
  return new Map(rows.map(({ id, ...current }) => [id, current]));
};
