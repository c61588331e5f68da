import { randomUUID } from 'node:crypto';
import { type Fact, factVersions, type NewFact } from '#contracts';
import { factText } from './chain/fact-text.js';
import { noteAppended, type Transaction } from './database.js';
import { reservePositions } from './head.js';

/** Something that must be true as soon as a fact is: it is applied in the transaction that appends the facts. */
export type InlineProjection = {
  readonly name: string;
  readonly apply: (facts: readonly Fact[], tx: Transaction) => Promise<void>;
};

/** The channel on which followers hear that there are facts; a hint only. */
export const factsChannel = 'reachback_facts';

/** Gives out `count` ordinals for new clients of a lane; returns the first. To be called under the log's lock. */
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

/** Says which lane a client is in. */
export type LaneOf = (clientId: string) => number;

/**
 * Appends facts at the log's head and applies the inline projections, all in the caller's transaction.
 *
 * @param lane of the clients that the facts are about; a function where they may be of several
 * @returns the facts with their positions, in the order given
 */
export const appendFacts = async (
  tx: Transaction,
  lane: number | LaneOf,
  newFacts: readonly NewFact[],
  projections: readonly InlineProjection[],
): Promise<readonly Fact[]> => {
  if (newFacts.length === 0) return [];
  const first = await reservePositions(tx, newFacts.length);
  const recordedAt = new Date();
  const facts = newFacts.map((fact, i): Fact => ({
    ...fact,
    lane: laneOfFact(fact, lane),
    position: first + BigInt(i),
    id: randomUUID(),
    recordedAt,
  }));
  await insertFacts(tx, facts);
  for (const projection of projections) await projection.apply(facts, tx);
  await tx`SELECT pg_notify(${factsChannel}, ''), note_appended(${recordedAt}, 0, ${facts.length})`;
  noteAppended(tx, facts);
  return facts;
};

/** The fleet's facts are of no lane: every lane takes them in. */
const laneOfFact = ({ client, type }: NewFact, lane: number | LaneOf): number | null => {
  if (client !== null) return typeof lane === 'number' ? lane : lane(client);
  return typeof lane === 'number' && type.startsWith('lane-') ? lane : null;
};

/** Each gets the next hash of the chain, and the head the last one's (ADR 0012). */
const insertFacts = (tx: Transaction, facts: readonly Fact[]) => tx`
  WITH appended AS (
    INSERT INTO event
      (lane, position, id, stream, version, type, schema_version, client_id, recorded_at, data, meta, hash)
    SELECT lane, position, id, stream, version, type, schema_version, client_id, recorded_at, data, meta,
           chain_facts((SELECT chain_hash FROM log_head), convert_to(${factText(tx)}, 'UTF8'))
             OVER (ORDER BY position ROWS UNBOUNDED PRECEDING)
    FROM (
      SELECT lane, position, id, stream,
             coalesce((SELECT max(version) FROM event e WHERE e.stream = f.stream), 0)
               + row_number() OVER (PARTITION BY stream ORDER BY position) AS version,
             type, schema_version, client_id, recorded_at, data::jsonb AS data, meta::jsonb AS meta
      FROM unnest(
        ${facts.map(({ lane }) => (lane === null ? null : String(lane)))}::smallint[],
        ${facts.map((fact) => String(fact.position))}::bigint[],
        ${facts.map((fact) => fact.id)}::uuid[],
        ${facts.map(streamOf)}::text[],
        ${facts.map((fact) => fact.type)}::text[],
        ${facts.map((fact) => String(factVersions[fact.type]))}::smallint[],
        ${facts.map((fact) => fact.client)}::text[],
        ${facts.map((fact) => fact.recordedAt.toISOString())}::timestamptz[],
        ${facts.map((fact) => JSON.stringify(fact.data))}::text[],
        ${facts.map((fact) => JSON.stringify(fact.meta))}::text[]
      ) AS f (lane, position, id, stream, type, schema_version, client_id, recorded_at, data, meta)
    ) facts
    RETURNING position, hash
  )
  UPDATE log_head SET chain_position = last.position, chain_hash = last.hash
  FROM (SELECT position, hash FROM appended ORDER BY position DESC LIMIT 1) last`;
