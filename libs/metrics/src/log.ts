import type { ErrorCode, Fact } from '#contracts';
import type { Define } from './define.js';

/** The design promises a verdict within a second of when it is due (R5): the buckets are dense there. */
const lateness = [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 5, 10, 30, 60, 300];

/** What is appended to the log of facts, counted when it has committed, whoever appended it. */
export const logMetrics = ({ counter, histogram }: Define) => {
  const facts = counter('facts_total', 'Facts committed to the log.', ['type']);
  const transitions = counter('transitions_total', 'Changes of a client’s status.', ['lane', 'cause']);
  const late = histogram(
    'offline_lateness_seconds',
    'From when a verdict of silence was due to its commit.',
    lateness,
    ['lane'],
  );
  const deliveries = counter('deliveries_total', 'Settings and updates sent to clients.', ['kind']);
  const settled = counter(
    'acknowledgements_total',
    'Settings and updates that clients confirmed, or failed to apply.',
    ['kind', 'outcome', 'via'],
  );
  const rejects = counter('rejects_total', 'Messages of agents that were not taken in, by error code.', ['code']);
  for (const kind of ['settings', 'update']) deliveries.inc({ kind }, 0);

  return {
    /** Added up first: a label costs more than all the rest of it. */
    committed: (appended: readonly Fact[]): void => {
      const now = Date.now();
      const types = new Map<string, number>();
      const causes = new Map<string, { readonly lane: string; readonly cause: string; count: number }>();
      for (const fact of appended) {
        types.set(fact.type, (types.get(fact.type) ?? 0) + 1);
        if (fact.type === 'client-status-changed') {
          const { cause, at } = fact.data;
          const lane = String(fact.lane);
          const known = causes.get(`${lane} ${cause}`);
          if (known) known.count++;
          else causes.set(`${lane} ${cause}`, { lane, cause, count: 1 });
          if (cause === 'silence') late.observe({ lane }, (now - Date.parse(at)) / 1000);
        } else if (fact.type === 'work-delivered') {
          for (const { kind } of fact.data.items) deliveries.inc({ kind });
        } else if (fact.type === 'work-settled') {
          for (const { kind, outcome, via } of fact.data.items) settled.inc({ kind, outcome, via });
        }
      }
      for (const [type, count] of types) facts.inc({ type }, count);
      for (const { count, ...labels } of causes.values()) transitions.inc(labels, count);
    },
    rejected: (counts: ReadonlyMap<ErrorCode, number>): void => {
      for (const [code, count] of counts) rejects.inc({ code }, count);
    },
  };
};
