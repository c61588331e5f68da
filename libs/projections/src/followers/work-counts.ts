import type { Fact } from '#contracts';
import { failWith, lockLog, send, type Transaction } from '#event-log';
import type { Follower } from './follower.js';

/**
 * Counts clients anew that were sent work or confirmed it, in the cohorts that the inline projection `counts` keeps, some
 * of them together: what is sent is mostly confirmed a moment later, and then counted once. Whoever is to be told exact
 * counts has it caught up before (`catchUp`, ADR 0021). A client is counted as it is by now, so that nothing is wrong
 * if a fact is counted twice, or was counted by whoever moved the client meanwhile.
 */
export const workCounts: Follower = {
  name: 'work-counts',
  version: 1,
  handles: ['work-delivered', 'work-settled'],
  tables: [],
  atOnce: 500,
  pause: 200,
  apply: async (batch, tx) => {
    const worked = new Map<string, Worked>();
    for (const one of batch.flatMap(workedIn)) worked.set(`${one.client} ${one.component ?? ''}`, one);
    if (worked.size > 0) countWorked([...worked.values()], tx);
  },
};

/** A client of which is to be counted what it was sent and has of a component, or, where that is null, its settings. */
type Worked = { readonly client: string; readonly component: string | null };

/** Settings that were sent count as missing until they are confirmed, like those that wait to be sent. */
const workedIn = (fact: Fact): readonly Worked[] => {
  const { client } = fact;
  if (client === null) return [];
  switch (fact.type) {
    case 'work-delivered':
      return fact.data.items.flatMap(({ kind, key }) => (kind === 'update' ? { client, component: key } : []));
    case 'work-settled':
      return fact.data.items.map(({ kind, key }) => ({ client, component: kind === 'update' ? key : null }));
    default:
      return [];
  }
};

/** Under the log's lock, so that nobody else counts meanwhile. */
const countWorked = (worked: readonly Worked[], tx: Transaction): void => {
  failWith(tx, lockLog(tx));
  send(tx)`
    SELECT count_worked(
      ${worked.map(({ client }) => client)}::text[], ${worked.map(({ component }) => component)}::text[])`;
};
