import type { Fact, FactOf } from '#contracts';
import { type InlineProjection, send, type Transaction } from '#event-log';
import { lastOfEach, ofType } from './batches.js';

/**
 * In which cohort each client is counted, and how many are in each: what the API answers counts from, without looking at
 * a client. The last of all inline projections, for it counts what the others have written; in the same transaction, so
 * that no kill can leave counts and clients apart. A client is counted anew when a fact is about it; a setting or a
 * release for everybody changes no count, but what is worked out from the counts. A contact that is no fact costs nothing.
 * What clients were sent and confirmed is counted apart from that, a moment later (`workCounts`).
 */
export const counts: InlineProjection = {
  name: 'counts',
  apply: async (facts, tx) => {
    const changed = new Set<string>();
    for (const fact of facts) {
      if (fact.type === 'group-removed') for (const id of await movedBy(fact, tx)) changed.add(id);
      else for (const id of concernedBy(fact)) changed.add(id);
    }
    for (const id of await noteLabels(facts, tx)) changed.add(id);
    // Sorted, so that the index is gone through in one order.
    if (changed.size > 0) send(tx)`SELECT count_clients(${[...changed].sort()}::text[])`;
    const turns = lastOfEach(ofType(facts, 'client-status-changed'));
    countTurns(
      turns.filter(({ client }) => client !== null && !changed.has(client)),
      tx,
    );
  },
};

const countTurns = (turns: readonly FactOf<'client-status-changed'>[], tx: Transaction): void => {
  if (turns.length === 0) return;
  send(tx)`
    SELECT count_turns(
      ${turns.map(({ client }) => client ?? '')}::text[],
      ${turns.map(({ data }) => data.status)}::text[],
      ${turns.map(({ data }) => data.network)}::text[],
      ${turns.map(({ data }) => data.networkName ?? '')}::text[])`;
};

/** The clients that a fact changes in what counts depend on, aside from their status and their work. */
const concernedBy = (fact: Fact): readonly string[] => {
  switch (fact.type) {
    case 'client-registered':
    case 'client-reinstalled':
    case 'client-edited':
    case 'client-removed':
      return fact.client === null ? [] : [fact.client];
    case 'client-reported':
      return fact.client === null || fact.data.installed === undefined ? [] : [fact.client];
    case 'settings-changed':
      return fact.data.level.scope === 'client' ? [fact.data.level.id] : [];
    case 'release-published':
      return 'clients' in fact.data.target ? (fact.data.target.clients ?? []) : [];
    default:
      return [];
  }
};

/** The clients that a group's removal has moved. */
const movedBy = async (
  { data: { moveClientsTo }, position }: FactOf<'group-removed'>,
  tx: Transaction,
): Promise<readonly string[]> => {
  if (moveClientsTo === null) return [];
  const rows = await tx<{ id: string }[]>`
    SELECT id FROM client
    WHERE group_path = ${moveClientsTo} AND own_revision = ${String(position)} AND removed_at IS NULL`;
  return rows.map(({ id }) => id);
};

/** As often as this a label is to be seen before it tells cohorts apart; at once where a release targets it. */
const timesToCount = 1_000;

/** Notes the labels that facts give out; the clients to be counted anew because a label is counted from now on. */
const noteLabels = async (facts: readonly Fact[], tx: Transaction): Promise<readonly string[]> => {
  const seen = new Map<string, { readonly key: string; readonly value: string; times: number }>();
  for (const fact of facts) {
    const [labels, weight] = labelsIn(fact);
    for (const [key, value] of Object.entries(labels)) {
      const name = JSON.stringify([key, value]);
      const pair = seen.get(name);
      if (pair) pair.times += weight;
      else seen.set(name, { key, value, times: weight });
    }
  }
  if (seen.size === 0) return [];
  const pairs = [...seen.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, pair]) => pair);
  const [row] = await tx<{ ids: string[] }[]>`
    SELECT note_labels(
      ${pairs.map(({ key }) => key)}::text[], ${pairs.map(({ value }) => value)}::text[],
      ${pairs.map(({ times }) => String(times))}::integer[]) AS ids`;
  return row?.ids ?? [];
};

const labelsIn = (fact: Fact): readonly [labels: Readonly<Record<string, string>>, weight: number] => {
  switch (fact.type) {
    case 'client-registered':
      return [fact.data.labels, 1];
    case 'client-edited':
      return [fact.data.labels ?? {}, 1];
    case 'release-published':
      return ['labels' in fact.data.target ? (fact.data.target.labels ?? {}) : {}, timesToCount];
    default:
      return [{}, 0];
  }
};
