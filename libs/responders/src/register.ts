import type { Lanes, NewFact } from '#contracts';
import { isReinstalled } from '#domain';
import { type Granted, selectGranted } from '#enrolment';
import { appendFacts, reserveOrdinals, type Transaction } from '#event-log';
import { inlineProjections } from '#projections';
import { metaOf, type WorkRequest } from './request.js';

type Registration = WorkRequest & { readonly kind: 'register' };

type KnownRow = {
  readonly id: string;
  readonly ordinal: number;
  readonly isRemoved: boolean;
  readonly settingsRevision: bigint;
  readonly installed: Readonly<Record<string, string>>;
  /** Whether this very request has already been answered with work. */
  readonly isRetry: boolean;
};

/**
 * Makes known whoever registers and is not, or no longer. One that is known already starts anew with what it reports;
 * its name, group and labels stay, for an administrator may have set them.
 */
export const register = async (tx: Transaction, lanes: Lanes, requests: readonly WorkRequest[]): Promise<void> => {
  const registering = requests.filter((request) => request.kind === 'register');
  if (registering.length === 0) return;
  const [rows, granted] = await Promise.all([
    selectKnown(tx, registering),
    selectGranted(
      tx,
      registering.map(({ clientId }) => clientId),
    ),
  ]);
  const known = new Map(rows.map((row) => [row.id, row]));
  const fresh = registering.filter((request) => !known.has(request.clientId));
  const nextOrdinal = await takeOrdinals(tx, lanes, fresh);
  const facts = registering.flatMap((request) => {
    const row = known.get(request.clientId);
    if (row && !row.isRemoved) return planReinstallation(request, row);
    const ordinal = row ? row.ordinal : nextOrdinal(request.clientId);
    return [planRegistration(request, ordinal, granted.get(request.clientId))];
  });
  await appendFacts(tx, lanes.of, facts, inlineProjections);
};

/** Ordinals for new clients, each out of its lane's. */
const takeOrdinals = async (
  tx: Transaction,
  lanes: Lanes,
  fresh: readonly Registration[],
): Promise<(clientId: string) => number> => {
  const counts = new Map<number, number>();
  for (const lane of fresh.map(({ clientId }) => lanes.of(clientId))) counts.set(lane, (counts.get(lane) ?? 0) + 1);
  const next = new Map<number, number>();
  for (const [lane, count] of counts) next.set(lane, await reserveOrdinals(tx, lane, count));
  return (clientId) => {
    const lane = lanes.of(clientId);
    const ordinal = next.get(lane) ?? 0;
    next.set(lane, ordinal + 1);
    return ordinal;
  };
};

const selectKnown = (tx: Transaction, registering: readonly Registration[]) => tx<KnownRow[]>`
  SELECT c.id, c.ordinal, c.removed_at IS NOT NULL AS "isRemoved", c.settings_revision AS "settingsRevision",
         c.installed,
         q.is_unique AND EXISTS (
           SELECT FROM delivery d WHERE d.client_id = c.id AND d.request = q.request) AS "isRetry"
  FROM unnest(
    ${registering.map(({ clientId }) => clientId)}::text[],
    ${registering.map(({ identity }) => identity.id)}::text[],
    ${registering.map(({ identity }) => String(identity.isUnique))}::boolean[]
  ) AS q (id, request, is_unique)
  JOIN client c ON c.id = q.id`;

const planReinstallation = (request: Registration, row: KnownRow): readonly NewFact[] => {
  const { installed = {}, agentVersion = null } = request.payload;
  if (row.isRetry || !isReinstalled(row, request.payload)) return [];
  return [
    {
      type: 'client-reinstalled',
      client: request.clientId,
      meta: metaOf(request),
      data: { agentVersion, installed, settingsRevision: keptRevision(request, row) },
    },
  ];
};

/** The revision it confirmed, if it reports to have it still. */
const keptRevision = ({ payload }: Registration, { settingsRevision }: KnownRow): string | null =>
  settingsRevision > 0n && payload.settingsRevision === String(settingsRevision) ? payload.settingsRevision : null;

/** The fact that makes a client known; one that comes back keeps its ordinal. What its token grants, it cannot choose. */
const planRegistration = (request: Registration, ordinal: number, granted: Granted | undefined): NewFact => {
  const { name, group, labels, ips, agentVersion, installed } = request.payload;
  return {
    type: 'client-registered',
    client: request.clientId,
    meta: metaOf(request),
    data: {
      ordinal,
      name: name ?? null,
      group: granted?.group ?? group ?? '',
      labels: { ...labels, ...granted?.labels },
      ips: ips ?? [],
      agentVersion: agentVersion ?? null,
      installed: installed ?? {},
    },
  };
};
