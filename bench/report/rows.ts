import { spreadLimit } from '../phases/spread.js';
import type { AccessCost, BenchResult, CpuMicros, Limits } from '../result.js';

/** One line of the table: what, the result, the limit beside it in the same run, and what is wanted. */
export type Row = { readonly what: string; readonly result: string; readonly limit: string; readonly wanted: string };

const number = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: 2 });
const perSecond = (value: number): string => `${number(value)}/s`;
const milliseconds = (value: number): string => `${number(value)} ms`;

const micros = ({ server, nats, postgres }: CpuMicros): string => [server, nats, postgres].map(number).join(', ');

export const rowsOf = (result: BenchResult): readonly Row[] => [
  ...phaseRows(result),
  ...intakeRows(result),
  ...sustainedRows(result),
  ...requestRows(result),
  ...presenceRows(result),
  ...ownerRows(result),
  ...listRows(result),
  ...accessRows(result),
];

/** Of intake: what the slowest of its parts does when there is nothing else. */
const intakeLimit = ({ consumeOnly, passThrough = consumeOnly, chunkInsertOnly }: Limits): string =>
  `${perSecond(Math.min(passThrough, chunkInsertOnly))} alone`;

const intakeRows = ({ limits, baseline, heartbeats }: BenchResult): readonly Row[] => {
  const rows: Row[] = [];
  const add = (what: string, text: string, limit = '', wanted = '') => rows.push({ what, result: text, limit, wanted });
  if (limits) {
    add('limit: reading the stream, nothing else', perSecond(limits.consumeOnly));
    if (limits.passThrough) add('limit: from load to server, nothing else', perSecond(limits.passThrough));
    add('limit: appending chunks, nothing else', perSecond(limits.chunkInsertOnly));
  }
  if (baseline) {
    add('baseline: an insert and an upsert per beat', perSecond(baseline.perSecond));
    add('  the same without a transaction', perSecond(baseline.withoutTransaction));
  }
  if (!heartbeats) return rows;
  const { sustained, saturated, lagP50, lagP99, cpuMicrosPerBeat: cpu, bytesPerBeatInLog, lost } = heartbeats;
  const limit = limits ? intakeLimit(limits) : '';
  add('heartbeats into the log, sustained', perSecond(sustained), limit, '≥ 50,000/s');
  if (baseline) {
    add('  times the baseline', `${number(sustained / baseline.perSecond)} ×`, perSecond(baseline.perSecond), '≥ 60 ×');
  }
  add('  committed with a growing backlog', perSecond(saturated));
  add('  lag from broker to commit, p50', milliseconds(lagP50));
  add('  lag from broker to commit, p99', milliseconds(lagP99), '', '≤ 1,000 ms');
  if (cpu) add('  CPU µs per beat: server, NATS, Postgres', micros(cpu));
  add('  bytes per beat in the log, with indexes', number(bytesPerBeatInLog), '6 packed', '≤ 8');
  if (heartbeats.walBytesPerBeat) add('  bytes per beat written ahead', number(heartbeats.walBytesPerBeat));
  add('  acknowledged beats missing in the log', number(lost), '', '0');
  return rows;
};

const sustainedRows = ({ limits, sustained }: BenchResult): readonly Row[] => {
  if (!sustained) return [];
  const { clients, seconds, committed, lagP50, lagP99, lagMax, cpuMicrosPerBeat: cpu } = sustained;
  const row = (what: string, text: string, limit = '', wanted = ''): Row => ({ what, result: text, limit, wanted });
  const limit = limits ? intakeLimit(limits) : '';
  return [
    row(
      `heartbeats of ${number(clients)} clients over ${number(seconds)} s`,
      perSecond(committed),
      limit,
      '≥ 50,000/s',
    ),
    row('  offered', perSecond(sustained.offered)),
    row('  lag from broker to commit, p50, p99', [lagP50, lagP99].map(milliseconds).join(', '), '', 'p99 ≤ 1,000 ms'),
    row('  lag at most', milliseconds(lagMax)),
    ...(cpu ? [row('  CPU µs per beat: server, NATS, Postgres', micros(cpu))] : []),
    row('  bytes per beat in the log, with indexes', number(sustained.bytesPerBeatInLog), '6 packed', '≤ 8'),
    row('  bytes per beat written ahead', number(sustained.walBytesPerBeat)),
    row('  messages more in the stream at the end', number(sustained.backlogGrown)),
    row('  acknowledged beats missing in the log', number(sustained.lost), '', '0'),
  ];
};

const requestRows = ({ limits, polls, publishToAll, pendingCount }: BenchResult): readonly Row[] => {
  const rows: Row[] = [];
  const add = (what: string, text: string, wanted = '', limit = '') => rows.push({ what, result: text, limit, wanted });
  if (limits?.requestReplyOnly) add('limit: answering requests, nothing else', perSecond(limits.requestReplyOnly));
  if (polls) {
    const { besideHeartbeats: beside } = polls;
    const limit = limits?.requestReplyOnly ? `${perSecond(limits.requestReplyOnly)} alone` : '';
    add('polls answered, at most', perSecond(polls.perSecond), '≥ 4,000/s', limit);
    if (polls.cpuMicrosPerPoll) add('  CPU µs per poll: server, NATS, Postgres', micros(polls.cpuMicrosPerPoll));
    add('polls at 1,000/s, p50', milliseconds(polls.p50));
    add('polls at 1,000/s, p99', milliseconds(polls.p99), '≤ 25 ms');
    const title = `  beside ${number(beside.heartbeatsPerSecond)} heartbeats/s`;
    add(`${title}, p50`, milliseconds(beside.p50));
    add(`${title}, p99`, milliseconds(beside.p99), '≤ 25 ms');
    if (polls.withinLimit) {
      const { limitMs, perSecond: rate, p99 } = polls.withinLimit;
      add(`  likewise, with p99 ≤ ${limitMs} ms: at most`, perSecond(rate));
      add('  p99 then', milliseconds(p99), `≤ ${limitMs} ms`);
    }
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

/** Each list is in the JSON; here is how many keep the limit, and the slowest. */
const listRows = ({ lists }: BenchResult): readonly Row[] => {
  if (!lists || lists.length === 0) return [];
  const slowest = [...lists].sort((a, b) => b.p99 - a.p99);
  const kept = lists.filter(({ p99 }) => p99 <= 100).length;
  return [
    {
      what: `lists, each filter with each sort: p99 ≤ 100 ms`,
      result: `${number(kept)} of ${number(lists.length)}`,
      limit: '',
      wanted: 'all',
    },
    ...slowest.slice(0, 3).map(({ name, p50, p99 }) => ({
      what: `  of the slowest: ${name.trim()}, p50 and p99`,
      result: `${number(p50)}, ${milliseconds(p99)}`,
      limit: '',
      wanted: '≤ 100 ms',
    })),
  ];
};

/** The three side by side. */
const accessRows = ({ access }: BenchResult): readonly Row[] => {
  if (!access || access.length === 0) return [];
  const row = (what: string, text: (cost: AccessCost) => string): Row => {
    return { what, result: access.map(text).join(' · '), limit: '', wanted: '' };
  };
  const cpu = (cost: CpuMicros | null) => (cost ? micros(cost) : '?');
  const connections = number(access[0]?.connections ?? 0);
  return [
    row(`${connections} agents, each with a connection of its own`, (cost) => cost.access),
    row('  heartbeats at one rate, committed', ({ beats }) => perSecond(beats.perSecond)),
    row('  CPU µs per beat: server, NATS, Postgres', ({ beats }) => cpu(beats.cpuMicrosPerBeat)),
    row('  polls answered, at most', ({ polls }) => perSecond(polls.perSecond)),
    row('  CPU µs per poll: server, NATS, Postgres', ({ polls }) => cpu(polls.cpuMicrosPerPoll)),
    row('  polls told to ask again later', ({ polls }) => number(polls.refused)),
    row('  polls at 500/s, p50', ({ pollP50 }) => milliseconds(pollP50)),
    row('  polls at 500/s, p99', ({ pollP99 }) => milliseconds(pollP99)),
    row('  an agent connects, p50', ({ connectP50 }) => milliseconds(connectP50)),
    row('  an agent connects, p99', ({ connectP99 }) => milliseconds(connectP99)),
    row('  memory of the broker per connection', ({ brokerBytesPerConnection: bytes }) =>
      bytes === null ? '?' : `${number(bytes / 1024)} KiB`,
    ),
  ];
};

const presenceRows = ({ seeding, offline, storm, reclassify }: BenchResult): readonly Row[] => {
  const rows: Row[] = [];
  const add = (what: string, text: string, wanted = '', limit = '') => rows.push({ what, result: text, limit, wanted });
  const alone = (rate: number | undefined) => (rate ? `${perSecond(rate)} alone` : '');
  if (seeding) {
    add('limit: transitions appended, nothing else', perSecond(seeding.transitionsPerSecond));
    add('limit: registrations appended, nothing else', perSecond(seeding.registrationsPerSecond));
  }
  if (offline) {
    const who = `${number(offline.silenced)} fell silent beside ${number(offline.clients)}`;
    add(`offline verdict after it is due (${who}), p50`, milliseconds(offline.latenessP50));
    add('offline verdict after it is due, p99', milliseconds(offline.latenessP99), '≤ 1,000 ms');
    add('  wrong verdicts', number(offline.wrong), '0');
    if (offline.early > 0) add('  early verdicts', number(offline.early), '0');
    if (offline.missing > 0) add('  verdicts that did not come in time', number(offline.missing), '0');
  }
  if (storm) {
    const { registered, started, withinSeconds, p50, p99, lastReplyMs, refused, failed, wrongOffline } = storm;
    const rate = ((registered + started) * 1000) / lastReplyMs;
    add(
      `${number(registered)} clients register and ${number(started)} start in ${withinSeconds} s`,
      perSecond(rate),
      '',
      alone(seeding?.registrationsPerSecond),
    );
    add('  the last reply after', milliseconds(lastReplyMs));
    add('  replies after, p50', milliseconds(p50));
    add('  replies after, p99', milliseconds(p99));
    add('  told to ask again later, and did', number(refused));
    add('  errors, and requests without a reply', number(failed), '0');
    add('  wrongly offline', number(wrongOffline), '0');
  }
  if (reclassify) {
    add(`another network class for ${number(reclassify.clients)} clients`, milliseconds(reclassify.ms));
    add('  clients reclassified', perSecond(reclassify.perSecond), '', alone(seeding?.transitionsPerSecond));
    add('  lag of beats meanwhile, p50', milliseconds(reclassify.lagP50));
    add('  lag of beats meanwhile, p99', milliseconds(reclassify.lagP99), '≤ 1,000 ms');
  }
  return rows;
};

const ownerRows = ({ recovery, startup, rebuild, memory }: BenchResult): readonly Row[] => {
  const rows: Row[] = [];
  const add = (what: string, text: string, wanted = '', limit = '') => rows.push({ what, result: text, limit, wanted });
  const empty = startup ? `${milliseconds(startup.emptyMs)} for no clients` : '';
  if (recovery) {
    add('recovery of a killed server, ready', milliseconds(recovery.ms), '≤ 10,000 ms', empty);
    add('  caught up', milliseconds(recovery.caughtUpMs));
    add('  wrongly offline', number(recovery.wrongOffline), '0');
    add('  beats lost or doubled', number(recovery.lostOrDoubled), '0');
  }
  if (startup) {
    add('start of a server, ready, with a snapshot', milliseconds(startup.withSnapshotMs), '≤ 10,000 ms', empty);
    const { replayed } = startup;
    const read = replayed ? ` (${number(replayed.facts)} facts, ${number(replayed.contacts)} contacts)` : '';
    add(`  without one, from the whole log${read}`, milliseconds(startup.withoutSnapshotMs), '', empty);
  }
  if (rebuild) {
    add('rebuild of presence, heartbeats', perSecond(rebuild.beatsPerSecond), '≥ 2,000,000/s');
    add('rebuild of presence, facts', perSecond(rebuild.factsPerSecond), '≥ 50,000/s');
  }
  if (memory) {
    add('memory of the owner per client', `${number(memory.bytesPerClient)} bytes`, '≤ 300 bytes');
    if (memory.fixedBytes) {
      add('  resident, per client', `${number(memory.residentBytesPerClient)} bytes`);
      add('  beside the clients', `${number(memory.fixedBytes / 2 ** 20)} MB`);
    }
  }
  return rows;
};
