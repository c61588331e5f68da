import { spreadLimit } from '../phases/spread.js';
import type { BenchResult, CpuMicros } from '../result.js';

/** One line of the table: what, the result, the limit beside it in the same run, and what is wanted. */
export type Row = { readonly what: string; readonly result: string; readonly limit: string; readonly wanted: string };

const number = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: 2 });
const perSecond = (value: number): string => `${number(value)}/s`;
const milliseconds = (value: number): string => `${number(value)} ms`;

const micros = ({ server, nats, postgres }: CpuMicros): string => [server, nats, postgres].map(number).join(', ');

export const rowsOf = (result: BenchResult): readonly Row[] => [
  ...phaseRows(result),
  ...intakeRows(result),
  ...requestRows(result),
  ...fleetRows(result),
];

const intakeRows = ({ limits, baseline, heartbeats }: BenchResult): readonly Row[] => {
  const rows: Row[] = [];
  const add = (what: string, text: string, limit = '', wanted = '') => rows.push({ what, result: text, limit, wanted });
  if (limits) {
    add('limit: reading the stream, nothing else', perSecond(limits.consumeOnly));
    add('limit: appending chunks, nothing else', perSecond(limits.chunkInsertOnly));
  }
  if (baseline) {
    add('baseline: an insert and an upsert per beat', perSecond(baseline.perSecond));
    add('  the same without a transaction', perSecond(baseline.withoutTransaction));
  }
  if (!heartbeats) return rows;
  const { sustained, saturated, lagP50, lagP99, cpuMicrosPerBeat: cpu, bytesPerBeatInLog, lost } = heartbeats;
  const limit = limits ? `${perSecond(Math.min(limits.consumeOnly, limits.chunkInsertOnly))} alone` : '';
  add('heartbeats into the log, sustained', perSecond(sustained), limit, '≥ 50,000/s');
  if (baseline) {
    add('  times the baseline', `${number(sustained / baseline.perSecond)} ×`, perSecond(baseline.perSecond), '≥ 60 ×');
  }
  add('  committed with a growing backlog', perSecond(saturated));
  add('  lag from broker to commit, p50', milliseconds(lagP50));
  add('  lag from broker to commit, p99', milliseconds(lagP99), '', '≤ 1,000 ms');
  if (cpu)
    add('  CPU µs per beat: server, NATS, Postgres', [cpu.server, cpu.nats, cpu.postgres].map(number).join(', '));
  add('  bytes per beat in the log, with indexes', number(bytesPerBeatInLog), '6 packed', '≤ 8');
  add('  acknowledged beats missing in the log', number(lost), '', '0');
  return rows;
};

const requestRows = ({ polls, publishToAll, pendingCount }: BenchResult): readonly Row[] => {
  const rows: Row[] = [];
  const add = (what: string, text: string, wanted = '') => rows.push({ what, result: text, limit: '', wanted });
  if (polls) {
    const { besideHeartbeats: beside } = polls;
    add('polls answered, at most', perSecond(polls.perSecond), '≥ 4,000/s');
    if (polls.cpuMicrosPerPoll) add('  CPU µs per poll: server, NATS, Postgres', micros(polls.cpuMicrosPerPoll));
    add('polls at 1,000/s, p50', milliseconds(polls.p50));
    add('polls at 1,000/s, p99', milliseconds(polls.p99), '≤ 25 ms');
    const title = `  beside ${number(beside.heartbeatsPerSecond)} heartbeats/s`;
    add(`${title}, p50`, milliseconds(beside.p50));
    add(`${title}, p99`, milliseconds(beside.p99), '≤ 25 ms');
    if (polls.errors > 0) add('  polls without an answer', number(polls.errors), '0');
  }
  if (publishToAll) {
    add('publish a setting to all', milliseconds(publishToAll.settingMs), '≤ 50 ms');
    add('publish a release to all', milliseconds(publishToAll.releaseMs), '≤ 50 ms');
  }
  if (pendingCount) {
    for (const [name, { p50, p99 }] of Object.entries(pendingCount.counts)) {
      add(`exact counts of ${number(pendingCount.clients)} clients, ${name}, p50`, milliseconds(p50));
      add('  p99', milliseconds(p99), '≤ 100 ms');
    }
  }
  return rows;
};

const percent = (share: number): string => `${number(share * 100)} %`;

const phaseRows = ({ phases }: BenchResult): readonly Row[] => {
  if (!phases) return [];
  const { clients, intervalSeconds, registeredAfterSeconds, mean, min, max, worst, perInterval } = phases;
  const row = (what: string, text: string, wanted = ''): Row => ({ what, result: text, limit: '', wanted });
  const wanted = `≤ ${percent(spreadLimit)}`;
  return [
    row(`heartbeats of ${number(clients)} that started at once, every ${intervalSeconds} s, mean`, perSecond(mean)),
    row('  fewest and most in a second', `${number(min)}, ${number(max)}`),
    row('  the second that is farthest from the mean', percent(worst), wanted),
    ...perInterval.map((spread, i) => row(`  likewise in interval ${i + 1}`, percent(spread.worst), wanted)),
    row('  likewise if they beat an interval after they registered', percent(phases.worstWithoutPhases)),
    row('  all registered again after', `${number(registeredAfterSeconds)} s`),
  ];
};

const fleetRows = ({ offline, recovery, reclassify, rebuild, memory }: BenchResult): readonly Row[] => {
  const rows: Row[] = [];
  const add = (what: string, text: string, wanted = '') => rows.push({ what, result: text, limit: '', wanted });
  if (offline) {
    add(
      `offline verdict after it is due (${number(offline.silenced)} fell silent), p50`,
      milliseconds(offline.latenessP50),
    );
    add('offline verdict after it is due, p99', milliseconds(offline.latenessP99), '≤ 1,000 ms');
    add('  wrong verdicts', number(offline.wrong), '0');
    if (offline.missing > 0) add('  verdicts that did not come in time', number(offline.missing), '0');
  }
  if (recovery) {
    add('recovery of a killed server, ready', milliseconds(recovery.ms), '≤ 10,000 ms');
    add('  caught up', milliseconds(recovery.caughtUpMs));
    add('  wrongly offline', number(recovery.wrongOffline), '0');
    add('  beats lost or doubled', number(recovery.lostOrDoubled), '0');
  }
  if (reclassify) {
    add(`another network class for ${number(reclassify.clients)} clients`, milliseconds(reclassify.ms));
    add('  clients reclassified', perSecond(reclassify.perSecond));
    add('  lag of beats meanwhile, p50', milliseconds(reclassify.lagP50));
    add('  lag of beats meanwhile, p99', milliseconds(reclassify.lagP99), '≤ 1,000 ms');
  }
  if (rebuild) {
    add('rebuild of presence, heartbeats', perSecond(rebuild.beatsPerSecond), '≥ 2,000,000/s');
    add('rebuild of presence, facts', perSecond(rebuild.factsPerSecond), '≥ 50,000/s');
  }
  if (memory) add('memory of the owner per client', `${number(memory.bytesPerClient)} bytes`, '≤ 300 bytes');
  return rows;
};
