import type { NewFact, SettledItem, WorkItem } from '#contracts';
import { type QueuedWork, settleByReport } from '#domain';
import type { ClientRow, KnownClient, OpenWork } from './read-clients.js';
import type { WorkRequest } from './request.js';

/** What a request leads to: facts to append, and the work to send. */
export type Plan = { readonly facts: readonly NewFact[]; readonly open: readonly OpenWork[] };

const metaOf = (request: { readonly messageId: string | null }) =>
  request.messageId === null ? { actor: 'agent' } : { actor: 'agent', correlation: request.messageId };

const itemOf = ({ kind, key, revision, release }: QueuedWork): WorkItem => ({ kind, key, revision, release });

/** What a registered client's request means for the log; nothing, most of the time. */
export const planRequest = (request: WorkRequest, client: KnownClient): Plan => {
  const { row, work } = client;
  const { settled, open } = settleByReport(work, request.payload);
  const facts: NewFact[] = [...reported(request, row)];
  const about = { client: row.id, meta: metaOf(request) };
  if (request.kind === 'update') {
    facts.push({ type: 'update-started', ...about, data: { trigger: request.payload.trigger } });
  }
  if (settled.length > 0) {
    const items = settled.map((item): SettledItem => ({
      ...itemOf(item),
      outcome: 'applied',
      error: null,
      via: 'report',
    }));
    facts.push({ type: 'work-settled', ...about, data: { items } });
  }
  return { facts, open };
};

/** That work was sent; the same request sent again is not another delivery (G7). */
export const planDelivery = (request: WorkRequest, sent: readonly OpenWork[]): readonly NewFact[] => {
  const fresh = sent.filter(
    (work) => work.state !== 'delivered' || request.messageId === null || work.request !== request.messageId,
  );
  if (fresh.length === 0) return [];
  const data = { items: fresh.map(itemOf), request: request.messageId };
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

/** The fact that makes a client known; one that comes back keeps its ordinal. */
export const planRegistration = (request: WorkRequest & { kind: 'register' }, ordinal: number): NewFact => {
  const { name, group, labels, ips, agentVersion, installed } = request.payload;
  return {
    type: 'client-registered',
    client: request.clientId,
    meta: metaOf(request),
    data: {
      ordinal,
      name: name ?? null,
      group: group ?? '',
      labels: labels ?? {},
      ips: ips ?? [],
      agentVersion: agentVersion ?? null,
      installed: installed ?? {},
    },
  };
};
