import type { Fact, FactOf, SettledItem } from '#contracts';
import { type InlineProjection, send, type Transaction } from '#event-log';
import { ofType, rounds, runs } from './batches.js';
import { confirm, withdrawSettings } from './confirm.js';

/** What happened to each piece of each client's work: delivered, acknowledged, failed. */
export const delivery: InlineProjection = {
  name: 'delivery',
  apply: (facts, tx) => {
    const concerned = facts.filter((fact) => fact.type === 'work-delivered' || fact.type === 'work-settled');
    for (const run of runs(concerned, (fact) => fact.type)) {
      if (run[0]?.type === 'work-delivered') deliver(ofType(run, 'work-delivered'), tx);
      else settle(ofType(run, 'work-settled'), tx);
    }
  },
};

/** Each of these facts is an attempt: a request that is retried leaves none (G7). */
const deliver = (facts: readonly FactOf<'work-delivered'>[], tx: Transaction): void => {
  for (const round of rounds(facts)) {
    const rows = round.flatMap((fact) => fact.data.items.map((item) => ({ fact, item })));
    send(tx)`
      INSERT INTO delivery AS d (client_id, kind, key, revision, release, state, attempts, delivered_at, request)
      SELECT client_id, kind, key, revision, release, 'delivered', 1, at, request
      FROM unnest(
        ${rows.map(({ fact }) => fact.client ?? '')}::text[],
        ${rows.map(({ item }) => item.kind)}::text[],
        ${rows.map(({ item }) => item.key)}::text[],
        ${rows.map(({ item }) => item.revision)}::text[],
        ${rows.map(({ item }) => item.release)}::uuid[],
        ${rows.map(({ fact }) => fact.recordedAt.toISOString())}::timestamptz[],
        ${rows.map(({ fact }) => fact.data.request)}::text[]
      ) AS f (client_id, kind, key, revision, release, at, request)
      ON CONFLICT (client_id, kind, key, revision) DO UPDATE SET
        state = 'delivered', delivered_at = excluded.delivered_at, request = excluded.request,
        attempts = d.attempts + 1`;
  }
};

/** What settles one piece of a client's work. */
export type Settlement = { readonly fact: Fact; readonly item: SettledItem };

const settle = (facts: readonly FactOf<'work-settled'>[], tx: Transaction): void => {
  for (const round of rounds(facts)) {
    const rows: readonly Settlement[] = round.flatMap((fact) => fact.data.items.map((item) => ({ fact, item })));
    writeSettled(rows, tx);
    const applied = rows.filter(({ item }) => item.outcome === 'applied');
    const failed = rows.filter(({ item }) => item.outcome === 'failed');
    confirm(applied, tx);
    withdrawSettings(failed, tx);
  }
};

const writeSettled = (rows: readonly Settlement[], tx: Transaction): void => {
  send(tx)`
    INSERT INTO delivery AS d (client_id, kind, key, revision, release, state, attempts, settled_at, error)
    SELECT client_id, kind, key, revision, release, state, 0, at, error
    FROM unnest(
      ${rows.map(({ fact }) => fact.client ?? '')}::text[],
      ${rows.map(({ item }) => item.kind)}::text[],
      ${rows.map(({ item }) => item.key)}::text[],
      ${rows.map(({ item }) => item.revision)}::text[],
      ${rows.map(({ item }) => item.release)}::uuid[],
      ${rows.map(({ item }) => (item.outcome === 'applied' ? 'acknowledged' : 'failed'))}::text[],
      ${rows.map(({ fact }) => fact.recordedAt.toISOString())}::timestamptz[],
      ${rows.map(({ item }) => (item.outcome === 'applied' ? null : item.error))}::text[]
    ) AS f (client_id, kind, key, revision, release, state, at, error)
    ON CONFLICT (client_id, kind, key, revision) DO UPDATE SET
      state = excluded.state, settled_at = excluded.settled_at, error = excluded.error`;
};
