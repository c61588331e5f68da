import type { SettledItem, WorkItem } from '#contracts';
import { type AcknowledgedWork, contradictedByReport, type QueuedWork, type Report, settleByReport } from '#domain';

export const itemOf = ({ kind, key, revision, release }: QueuedWork): WorkItem => ({ kind, key, revision, release });

/**
 * What a report settles (G6): queued work that the client says to have is applied, even if its acknowledgement was
 * lost; work that it acknowledged and says not to have is failed from now on. The rest of the queue stays open.
 */
export const settleReport = <W extends QueuedWork>(
  queue: readonly W[],
  acknowledged: readonly AcknowledgedWork[],
  report: Report,
): { readonly items: readonly SettledItem[]; readonly open: readonly W[] } => {
  const { settled, open } = settleByReport(queue, report);
  const items: readonly SettledItem[] = [
    ...settled.map((work) => settledItem(work, 'applied', null)),
    ...contradictedByReport(acknowledged, report).map(({ work, error }) => settledItem(work, 'failed', error)),
  ];
  return { items, open };
};

const settledItem = (work: QueuedWork, outcome: SettledItem['outcome'], error: string | null): SettledItem => ({
  ...itemOf(work),
  outcome,
  error,
  via: 'report',
});
