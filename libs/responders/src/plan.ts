import type { NewFact } from '#contracts';
import { isCarriedAgain } from '#domain';
import { type AcknowledgedRow, itemOf, settleReport } from '#projections';
import type { ClientRow, KnownClient, OpenWork } from './read-clients.js';
import { metaOf, type WorkRequest } from './request.js';

/** What a request leads to: facts to append, and the work to send. */
export type Plan = { readonly facts: readonly NewFact[]; readonly open: readonly OpenWork[] };

/**
 * What a registered client's request means for the log; nothing, most of the time. What the client acknowledged and
 * reports not to have is failed from now on, and comes again with its next request (G6).
 *
 * @param acknowledged what it acknowledged, where its report says less than that
 * @param isRepeated whether the log has already that it started this update
 */
export const planRequest = (
  request: WorkRequest,
  { row, work }: KnownClient,
  { acknowledged = [], isRepeated = false }: { acknowledged?: readonly AcknowledgedRow[]; isRepeated?: boolean } = {},
): Plan => {
  // A retry says what was so before the acknowledgement.
  const earlier = acknowledged.filter((item) => item.request !== request.identity.id || !request.identity.isUnique);
  const { items, open } = settleReport(work, earlier, request.payload);
  const facts: NewFact[] = [...reported(request, row)];
  const about = { client: row.id, meta: metaOf(request) };
  if (request.kind === 'update' && !isRepeated) {
    facts.push({ type: 'update-started', ...about, data: { trigger: request.payload.trigger } });
  }
  if (items.length > 0) facts.push({ type: 'work-settled', ...about, data: { items } });
  return { facts, open };
};

/** That work was sent; the same request sent again is not another delivery (G7). */
export const planDelivery = (request: WorkRequest, sent: readonly OpenWork[]): readonly NewFact[] => {
  const now = new Date();
  const fresh = sent.filter((work) => !isCarriedAgain(work, request.identity, now));
  if (fresh.length === 0) return [];
  const data = { items: fresh.map(itemOf), request: request.identity.id };
  return [{ type: 'work-delivered', client: request.clientId, meta: metaOf(request), data }];
};

/** What the client says of itself, where it differs from what is known. */
const reported = (request: WorkRequest, row: ClientRow): readonly NewFact[] => {
  const { payload } = request;
  const agentVersion = 'agentVersion' in payload ? payload.agentVersion : undefined;
  const { installed } = payload;
  const data = {
    ...(agentVersion !== undefined && agentVersion !== row.agentVersion ? { agentVersion } : {}),
    ...(installed !== undefined && !isSame(installed, row.installed) ? { installed } : {}),
  };
  return Object.keys(data).length > 0 ? [{ type: 'client-reported', client: row.id, meta: metaOf(request), data }] : [];
};

const isSame = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean =>
  Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([key, value]) => b[key] === value);
