import { randomUUID } from 'node:crypto';
import { type Fact, factVersions, type NewFact } from '#contracts';
import { noteAppended, type Transaction } from './database.js';

/** Something that must be true as soon as a fact is: it is applied in the transaction that appends the facts. */
export type InlineProjection = {
  readonly name: string;
  readonly apply: (facts: readonly Fact[], tx: Transaction) => Promise<void>;
};

/** The channel on which followers hear that there are facts; a hint only. */
export const factsChannel = 'reachback_facts';

/** Takes the lane's lock until the transaction ends: what is read after it cannot change before the append. */
export const lockLane = async (
  tx: Transaction,
  lane: number,
): Promise<{ readonly position: bigint; readonly clients: number }> => {
  const [row] = await tx<{ position: bigint; clients: number }[]>`
    SELECT position, clients FROM lane WHERE id = ${lane} FOR UPDATE`;
  if (!row) throw new Error(`There is no lane ${lane}.`);
  return row;
};

/** Reserves `count` positions at the lane's head; returns the first. Takes the lane's lock. */
export const reservePositions = async (tx: Transaction, lane: number, count: number): Promise<bigint> => {
  const [row] = await tx<{ first: bigint }[]>`
    UPDATE lane SET position = position + ${count} WHERE id = ${lane} RETURNING position - ${count} + 1 AS first`;
  if (!row) throw new Error(`There is no lane ${lane}.`);
  return row.first;
};

/** Gives out `count` ordinals for new clients; returns the first. */
export const reserveOrdinals = async (tx: Transaction, lane: number, count: number): Promise<number> => {
  const [row] = await tx<{ first: number }[]>`
    UPDATE lane SET clients = clients + ${count} WHERE id = ${lane} RETURNING clients - ${count} AS first`;
  if (!row) throw new Error(`There is no lane ${lane}.`);
  return row.first;
};

/** Streams keep apart what different parts append about one client, so that each has versions of its own. */
const streamOf = (fact: NewFact): string => {
  if (fact.client === null) return fact.type.startsWith('lane-') ? 'lane' : 'fleet';
  if (fact.type === 'client-status-changed') return `presence-${fact.client}`;
  if (fact.type.startsWith('work-')) return `delivery-${fact.client}`;
  return `client-${fact.client}`;
};

/**
 * Appends facts at the lane's head and applies the inline projections, all in the caller's transaction.
 *
 * @returns the facts with their positions, in the order given
 */
export const appendFacts = async (
  tx: Transaction,
  lane: number,
  newFacts: readonly NewFact[],
  projections: readonly InlineProjection[],
): Promise<readonly Fact[]> => {
  if (newFacts.length === 0) return [];
  const first = await reservePositions(tx, lane, newFacts.length);
  const recordedAt = new Date();
  const facts = newFacts.map((fact, i): Fact => ({
    ...fact,
    lane,
    position: first + BigInt(i),
    id: randomUUID(),
    recordedAt,
  }));
  await insertFacts(tx, facts);
  for (const projection of projections) await projection.apply(facts, tx);
  await tx`SELECT pg_notify(${factsChannel}, ${String(lane)})`;
  noteAppended(tx, facts);
  return facts;
};

const insertFacts = (tx: Transaction, facts: readonly Fact[]) => tx`
  INSERT INTO event (lane, position, id, stream, version, type, schema_version, client_id, recorded_at, data, meta)
  SELECT lane, position, id, stream,
         coalesce((SELECT max(version) FROM event e WHERE e.stream = f.stream), 0)
           + row_number() OVER (PARTITION BY stream ORDER BY position),
         type, schema_version, client_id, recorded_at, data::jsonb, meta::jsonb
  FROM unnest(
    ${facts.map((fact) => String(fact.lane))}::smallint[],
    ${facts.map((fact) => String(fact.position))}::bigint[],
    ${facts.map((fact) => fact.id)}::uuid[],
    ${facts.map(streamOf)}::text[],
    ${facts.map((fact) => fact.type)}::text[],
    ${facts.map((fact) => String(factVersions[fact.type]))}::smallint[],
    ${facts.map((fact) => fact.client)}::text[],
    ${facts.map((fact) => fact.recordedAt.toISOString())}::timestamptz[],
    ${facts.map((fact) => JSON.stringify(fact.data))}::text[],
    ${facts.map((fact) => JSON.stringify(fact.meta))}::text[]
  ) AS f (lane, position, id, stream, type, schema_version, client_id, recorded_at, data, meta)`;
