import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { NewFact } from '#contracts';
import { openTestDatabase, type TestDatabase } from '../../../../test/helpers/database.js';
import { appendFacts } from '../append.js';
import type { Database, Transaction } from '../database.js';
import { transact } from '../transact.js';
import { factText } from './fact-text.js';
import { readChainHead } from './read-chain-head.js';
import { type Verdict, verifyChain, type VerifyOptions } from './verify-chain.js';

const fact = (client: string, content: unknown): NewFact => ({
  type: 'logs-received',
  client,
  meta: { actor: 'agent', correlation: 'r-1' },
  data: { at: '2026-11-24T10:00:00.000Z', content },
});
/** Keys and numbers that jsonb writes in another form than they were sent in. */
const contents = [{ zebra: 1, a: 1e21, ü: '\u2028"\\' }, [0.1, -0, 1e-7], null, { a: { c: 1, b: [] }, b: '' }];

let database: TestDatabase;
let db: Database;
/** Positions of the facts, in order. Between them are some that contacts have. */
let positions: readonly bigint[];

const append = (facts: readonly NewFact[]) =>
  transact(db, async (tx) => {
    await tx`UPDATE log_head SET position = position + 3`;
    return appendFacts(tx, () => 0, facts, []);
  });

beforeAll(async () => {
  database = await openTestDatabase({ connections: 8 });
  db = database.db;
  for (let batch = 0; batch < 5; batch++) await append(contents.map((content, i) => fact(`c${i}`, content)));
  positions = (await db<{ position: bigint }[]>`SELECT position FROM event ORDER BY position`).map(
    (row) => row.position,
  );
});
afterAll(() => database.close());

const at = (i: number): bigint => positions.at(i) ?? 0n;

/** What is found after something was done to the log, which is then undone. */
const verdictAfter = async (
  tamper: (tx: Transaction) => Promise<unknown>,
  options: VerifyOptions = {},
): Promise<Verdict> => {
  let verdict: Verdict | undefined;
  const undo = new Error('undo');
  await db
    .begin(async (tx) => {
      await tamper(tx);
      verdict = await verifyChain(tx, options);
      throw undo;
    })
    .catch((error: unknown) => {
      if (error !== undo) throw error;
    });
  if (!verdict) throw new Error('nothing was verified');
  return verdict;
};

/** Computes the hashes from a position on anew, as whoever may write all tables can. */
const rewrite = async (tx: Transaction, from: bigint, { head = true } = {}) => {
  const [before] = await tx<{ hash: Buffer }[]>`
    SELECT hash FROM event WHERE position < ${from} ORDER BY position DESC LIMIT 1`;
  await tx`
    UPDATE event e SET hash = n.hash FROM (
      SELECT position, chain_facts(${before?.hash ?? Buffer.alloc(32)}::bytea, convert_to(${factText(tx)}, 'UTF8'))
               OVER (ORDER BY position ROWS UNBOUNDED PRECEDING) AS hash
      FROM event WHERE position >= ${from}) n
    WHERE e.position = n.position`;
  if (!head) return;
  await tx`UPDATE log_head SET (chain_position, chain_hash) =
    (SELECT position, hash FROM event ORDER BY position DESC LIMIT 1)`;
};

describe('an intact chain', () => {
  test('follows from the beginning, whatever form jsonb gives to what was sent', async () => {
    const { position, hash } = await readChainHead(db);
    const expected = { intact: true, facts: 20, after: 0n, head: { position, hash } };
    expect(await verifyChain(db)).toMatchObject(expected);
    expect(position).toBe(at(-1));
  });

  test('can be verified from a position on, and against what was noted', async () => {
    const [row] = await db<{ hash: Buffer }[]>`SELECT hash FROM event WHERE position = ${at(12)}`;
    const noted = { position: at(12), hash: row?.hash ?? Buffer.alloc(0) };
    const verdict = await verifyChain(db, { from: at(10), expected: [noted] });
    expect(verdict).toMatchObject({ intact: true, facts: 10, after: at(9) });
    await expect(verifyChain(db, { from: at(13), expected: [noted] })).rejects.toThrow('is not looked at');
  });

  test('does not cover what was there before it was begun', async () => {
    const verdict = await verdictAfter(async (tx) => {
      await tx`UPDATE event SET hash = NULL WHERE position < ${at(5)}`;
      await tx`UPDATE log_head SET chain_start = ${at(4)}`;
      await rewrite(tx, 0n);
      await tx`UPDATE event SET hash = NULL WHERE position < ${at(5)}`;
      await tx`UPDATE event e SET hash = n.hash FROM (
        SELECT position, chain_facts(${Buffer.alloc(32)}::bytea, convert_to(${factText(tx)}, 'UTF8'))
                 OVER (ORDER BY position ROWS UNBOUNDED PRECEDING) AS hash
        FROM event WHERE position >= ${at(5)}) n WHERE e.position = n.position`;
      await tx`UPDATE log_head SET chain_hash = (SELECT hash FROM event ORDER BY position DESC LIMIT 1)`;
    });
    expect(verdict).toMatchObject({ intact: true, facts: 15, after: at(4) });
  });
});

describe('the first broken position is named', () => {
  const broken = (position: bigint) => ({ intact: false, position });

  test.each(['stream', 'type', 'client_id'])('when %s of a fact is changed', async (column) => {
    const verdict = await verdictAfter((tx) => tx`UPDATE event SET ${tx(column)} = 'other' WHERE position = ${at(7)}`);
    expect(verdict).toMatchObject(broken(at(7)));
  });

  test.each([
    ['the lane', 'lane = 1'],
    ['the version', 'version = 1'],
    ['the schema version', 'schema_version = 2'],
    ['the id', 'id = gen_random_uuid()'],
    ['the time, by a microsecond', `recorded_at = recorded_at + interval '1 microsecond'`],
    ['a value of the data', `data = jsonb_set(data, '{at}', '"2026-11-24T10:00:00.001Z"')`],
    ['who did it', `meta = jsonb_set(meta, '{actor}', '"admin:else"')`],
    ['its hash', `hash = sha256('else')`],
    ['its hash, to none', 'hash = NULL'],
  ])('when %s is changed', async (_, change) => {
    const verdict = await verdictAfter((tx) => tx.unsafe(`UPDATE event SET ${change} WHERE position = ${at(7)}`));
    expect(verdict).toMatchObject(broken(at(7)));
  });

  test('when a fact is changed and its own hash with it: the next one', async () => {
    const verdict = await verdictAfter(async (tx) => {
      const [next] = await tx<{ hash: Buffer }[]>`SELECT hash FROM event WHERE position = ${at(8)}`;
      await tx`UPDATE event SET data = '{}' WHERE position = ${at(7)}`;
      await rewrite(tx, at(7), { head: false });
      await tx`UPDATE event SET hash = ${next?.hash ?? null} WHERE position = ${at(8)}`;
    });
    expect(verdict).toMatchObject(broken(at(8)));
  });

  test('when one is deleted: the next one', async () => {
    const verdict = await verdictAfter((tx) => tx`DELETE FROM event WHERE position = ${at(7)}`);
    expect(verdict).toMatchObject({ ...broken(at(8)), reason: expect.stringContaining(`at ${at(6)}`) });
  });

  test('when the first is deleted', async () => {
    const verdict = await verdictAfter((tx) => tx`DELETE FROM event WHERE position = ${at(0)}`);
    expect(verdict).toMatchObject(broken(at(1)));
  });

  test('when two are swapped: the first of them', async () => {
    const verdict = await verdictAfter(async (tx) => {
      await tx`UPDATE event SET position = -1 WHERE position = ${at(7)}`;
      await tx`UPDATE event SET position = ${at(7)} WHERE position = ${at(11)}`;
      await tx`UPDATE event SET position = ${at(11)} WHERE position = -1`;
    });
    expect(verdict).toMatchObject(broken(at(7)));
  });

  test('when one is inserted, at a position that a contact has', async () => {
    const insert = (tx: Transaction, hash: Buffer | null) => tx`
      INSERT INTO event (lane, position, id, type, schema_version, client_id, recorded_at, data, meta, hash)
      SELECT lane, ${at(8) - 1n}, gen_random_uuid(), type, 1, client_id, recorded_at, data, meta, ${hash}
      FROM event WHERE position = ${at(2)}`;
    expect(at(8) - 1n).toBeGreaterThan(at(7));
    expect(await verdictAfter((tx) => insert(tx, null))).toMatchObject(broken(at(8) - 1n));
    const withItsHash = await verdictAfter(async (tx) => {
      const [next] = await tx<{ hash: Buffer }[]>`SELECT hash FROM event WHERE position = ${at(8)}`;
      await insert(tx, null);
      await rewrite(tx, at(8) - 1n, { head: false });
      await tx`UPDATE event SET hash = ${next?.hash ?? null} WHERE position = ${at(8)}`;
    });
    expect(withItsHash).toMatchObject(broken(at(8)));
  });

  test('when one is inserted beyond the end', async () => {
    const verdict = await verdictAfter(
      (tx) => tx`
      INSERT INTO event (lane, position, id, type, schema_version, client_id, recorded_at, data, meta)
      SELECT lane, position + 1000, gen_random_uuid(), type, 1, client_id, recorded_at, data, meta
      FROM event WHERE position = ${at(-1)}`,
    );
    expect(verdict).toMatchObject(broken(at(-1) + 1000n));
  });

  test('when the end is cut off: what came after the last that is left', async () => {
    const verdict = await verdictAfter((tx) => tx`DELETE FROM event WHERE position > ${at(15)}`);
    expect(verdict).toMatchObject(broken(at(15) + 1n));
  });
});

describe('what nothing inside the database tells, a note from outside does', () => {
  const noted = async (i: number) => {
    const [row] = await db<{ hash: Buffer }[]>`SELECT hash FROM event WHERE position = ${at(i)}`;
    return { expected: [{ position: at(i), hash: row?.hash ?? Buffer.alloc(0) }] };
  };

  test('when the end is cut off and the head moved back', async () => {
    const cut = async (tx: Transaction) => {
      await tx`DELETE FROM event WHERE position > ${at(15)}`;
      await tx`UPDATE log_head SET (chain_position, chain_hash) = (SELECT position, hash FROM event WHERE position = ${at(15)})`;
    };
    expect(await verdictAfter(cut)).toMatchObject({ intact: true });
    expect(await verdictAfter(cut, await noted(18))).toMatchObject({ intact: false, position: at(15) + 1n });
  });

  test('when the chain was written anew from some fact on', async () => {
    const forge = async (tx: Transaction) => {
      await tx`UPDATE event SET data = '{}' WHERE position = ${at(7)}`;
      await rewrite(tx, at(7));
    };
    expect(await verdictAfter(forge)).toMatchObject({ intact: true });
    expect(await verdictAfter(forge, await noted(6))).toMatchObject({ intact: true });
    expect(await verdictAfter(forge, await noted(18))).toMatchObject({ intact: false, position: at(18) });
  });
});

test('appends from several sides at once leave one chain, and can be verified meanwhile', async () => {
  const meanwhile: Promise<Verdict>[] = [];
  const appends = Array.from({ length: 60 }, async (_, i) => {
    await append(Array.from({ length: 1 + (i % 40) }, (_, j) => fact(`d${(i + j) % 7}`, { i, j })));
    if (i % 6 === 0) meanwhile.push(verifyChain(db));
  });
  await Promise.all(appends);
  const verdicts = [...(await Promise.all(meanwhile)), await verifyChain(db)];
  expect(verdicts.filter(({ intact }) => !intact)).toEqual([]);
  const [row] = await db<{ count: number }[]>`SELECT count(*)::integer AS count FROM event`;
  expect(verdicts.at(-1)?.facts).toBe(row?.count);
});
