import { randomBytes } from 'node:crypto';
import { v7 as uuid } from 'uuid';
import { type Fact, factVersions, type NewFact } from '#contracts';
import { factText } from './chain/fact-text.js';
import type { Transaction } from './database.js';
import { takePositions } from './head.js';
import { noteAppended, send } from './transact.js';

/**
 * Something that must be true as soon as a fact is: it is applied in the transaction that appends the facts. It is done
 * when its statements are sent: whoever reads what they write sends the reading after them.
 */
export type InlineProjection = {
  readonly name: string;
  readonly apply: (facts: readonly Fact[], tx: Transaction) => void | Promise<void>;
};

/** The channel on which followers hear of which types there are facts, a space between them; a hint only. */
export const factsChannel = 'reachback_facts';

/** Gives out `count` ordinals for new clients of a lane; returns the first. To be called under the log's lock. */
export const reserveOrdinals = async (tx: Transaction, lane: number, count: number): Promise<number> => {
  const [row] = await tx<{ first: number }[]>`
    UPDATE lane SET clients = clients + ${count} WHERE id = ${lane} RETURNING clients - ${count} AS first`;
  if (!row) throw new Error(`There is no lane ${lane}.`);
  return row.first;
};

/** Says which lane a client is in. */
export type LaneOf = (clientId: string) => number;

/**
 * Appends facts at the log's head and applies the inline projections, all in the caller's transaction. Most of it is
 * sent without waiting for answers: what fails makes the transaction fail.
 *
 * @param lane of the clients that the facts are about; a function where they may be of several
 * @returns the facts in the order given; with their positions, which cannot be read before the log's lock is given
 */
export const appendFacts = async (
  tx: Transaction,
  lane: number | LaneOf,
  newFacts: readonly NewFact[],
  projections: readonly InlineProjection[],
): Promise<readonly Fact[]> => {
  if (newFacts.length === 0) return [];
  const first = await takePositions(tx, newFacts.length);
  const recordedAt = new Date();
  const ids = newIds(recordedAt, newFacts.length);
  const facts = newFacts.map((fact, i): Fact => {
    const at = BigInt(i);
    const placed = { lane: laneOfFact(fact, lane), id: ids[i] ?? '', recordedAt };
    return {
      ...fact,
      ...placed,
      get position() {
        return first() + at;
      },
    };
  });
  insertFacts(tx, facts, recordedAt);
  for (const projection of projections) await projection.apply(facts, tx);
  const types = [...new Set(facts.map(({ type }) => type))].join(' ');
  send(tx)`SELECT pg_notify(${factsChannel}, ${types}), note_appended(${recordedAt}, 0, ${facts.length})`;
  noteAppended(tx, facts);
  return facts;
};

/** UUIDs that begin with the time, so that the index of them grows at its end: 16 random bytes a fact are asked for at once. */
const newIds = (at: Date, count: number): readonly string[] => {
  const msecs = at.getTime();
  const random = randomBytes(16 * count);
  return Array.from({ length: count }, (_, seq) => uuid({ msecs, seq, random: random.subarray(16 * seq) }));
};

/** The fleet's facts are of no lane: every lane takes them in. */
const laneOfFact = ({ client, type }: NewFact, lane: number | LaneOf): number | null => {
  if (client !== null) return typeof lane === 'number' ? lane : lane(client);
  return typeof lane === 'number' && type.startsWith('lane-') ? lane : null;
};

/** Each gets the next position and hash of the chain, and the head the last one's (ADR 0012). */
const insertFacts = (tx: Transaction, facts: readonly Fact[], recordedAt: Date): void => send(tx)`
  WITH appended AS (
    INSERT INTO event
      (lane, position, id, type, schema_version, client_id, recorded_at, data, meta, hash)
    SELECT lane, position, id, type, schema_version, client_id, recorded_at, data, meta,
           chain_facts((SELECT chain_hash FROM log_head), convert_to(${factText(tx)}, 'UTF8'))
             OVER (ORDER BY position ROWS UNBOUNDED PRECEDING)
    FROM (
      SELECT lane, (SELECT position FROM log_head) + n AS position, id,
             type, schema_version, client_id, ${recordedAt.toISOString()}::timestamptz AS recorded_at, data, meta,
             -- Once there was one; what is hashed of a fact has places for both (ADR 0019).
             NULL::text AS stream, NULL::integer AS version
      FROM ROWS FROM (unnest(
        ${facts.map(({ lane }) => (lane === null ? null : String(lane)))}::smallint[],
        ${facts.map((fact) => fact.id)}::uuid[],
        ${facts.map((fact) => fact.type)}::text[],
        ${facts.map((fact) => String(factVersions[fact.type]))}::smallint[],
        ${facts.map((fact) => fact.client)}::text[]
      ), jsonb_array_elements(${JSON.stringify(facts.map((fact) => fact.data))}::text::jsonb),
         jsonb_array_elements(${JSON.stringify(facts.map((fact) => fact.meta))}::text::jsonb)
      ) WITH ORDINALITY AS f (lane, id, type, schema_version, client_id, data, meta, n)
    ) facts
    RETURNING position, hash
  )
  UPDATE log_head SET position = last.position, chain_position = last.position, chain_hash = last.hash
  FROM (SELECT position, hash FROM appended ORDER BY position DESC LIMIT 1) last`;
