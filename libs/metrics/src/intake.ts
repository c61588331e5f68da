import type { LaneKind } from '#contracts';
import { contactCodes, countKinds } from '#event-log';
import type { CommittedBatch, IntakeState } from '#intake';
import { type Define, durations } from './define.js';

const states = [
  'starting',
  'recovering',
  'disk_full',
  'owning',
  'standing-by',
] as const satisfies readonly IntakeState['name'][];
const kinds = Object.entries(contactCodes) as [LaneKind, number][];
const batchSizes = [1, 10, 100, 500, 1_000, 2_000, 4_000, 8_000];

/** What a lane takes in, counted once a batch; and what its intake is doing, looked at when it is asked for. */
export const intakeMetrics = ({ counter, gauge, histogram }: Define) => {
  const contacts = counter('contacts_total', 'Contacts committed to the log.', ['lane', 'kind']);
  const messages = histogram('intake_batch_messages', 'Messages in a committed batch.', batchSizes, ['lane']);
  const seconds = histogram('intake_batch_duration_seconds', 'From the begin to the commit of a batch.', durations, [
    'lane',
  ]);
  const state = gauge('intake_state', '1 for what the intake of the lane is doing in this process.', ['lane', 'state']);
  const term = gauge('intake_term', 'How often the lane has been taken, by any process; of its owner.', ['lane']);
  const lag = gauge('intake_lag_seconds', 'Since the arrival of the last message committed; of the owner.', ['lane']);
  const backlog = gauge('intake_backlog_messages', 'Messages that wait to be taken in; of the owner.', ['lane']);
  const progress = gauge('recovery_progress_ratio', 'How much of the log a recovery has replayed, 0 to 1.', ['lane']);
  const clients = gauge('clients', 'Registered clients by status; of the lane’s owner.', ['lane', 'status']);
  let statesOf: () => ReadonlyMap<number, IntakeState> = () => new Map();

  const showOwner = (lane: number, now: Extract<IntakeState, { name: 'owning' }>): void => {
    term.set({ lane }, Number(now.term));
    lag.set({ lane }, now.lagSeconds());
    backlog.set({ lane }, now.backlog());
    for (const [status, count] of Object.entries(now.countStatuses())) clients.set({ lane, status }, count);
  };
  return {
    committed: (batch: CommittedBatch): void => {
      const { lane } = batch;
      messages.observe({ lane }, batch.messages);
      seconds.observe({ lane }, batch.seconds);
      const counts = new Uint32Array(kinds.length + 1);
      for (const { data } of batch.chunks) countKinds(data, counts);
      for (const [kind, code] of kinds) if (counts[code]) contacts.inc({ lane, kind }, counts[code]);
    },
    watch: (states: () => ReadonlyMap<number, IntakeState>): void => {
      statesOf = states;
      for (const lane of states().keys()) for (const [kind] of kinds) contacts.inc({ lane, kind }, 0);
    },
    refresh: (): void => {
      for (const metric of [term, lag, backlog, progress, clients]) metric.reset();
      for (const [lane, now] of statesOf()) {
        for (const name of states) state.set({ lane, state: name }, name === now.name ? 1 : 0);
        if (now.name === 'owning') showOwner(lane, now);
        if (now.name === 'recovering') progress.set({ lane }, ratioOf(now.progress));
      }
    },
  };
};

const ratioOf = ({ from, at, to }: { readonly from: bigint; readonly at: bigint; readonly to: bigint }): number =>
  to > from ? Number(at - from) / Number(to - from) : 0;
