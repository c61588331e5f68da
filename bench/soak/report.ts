import type { SoakResult, Thirds } from './result.js';

const count = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: 1 });
const thirds = (value: Thirds | null | undefined): string =>
  value ? `${count(value.second)} → ${count(value.last)} MB` : 'not known';

/** The result as lines of text; the last one says how it ended. */
export const formatSoak = (result: SoakResult): string => {
  const { run, machine, polls, lag, memory, disk, books, kills, broken } = result;
  const { beats, queues } = books;
  const slowest = (of: readonly number[]) => (of.length > 0 ? `${count(Math.max(...of))} ms` : 'none');
  return [
    `${count(run.seconds)} s with ${count(run.clients)} clients; ${machine.cores} cores of ${machine.cpu}, ` +
      `${machine.memoryGb} GB; Node ${machine.node}, Postgres ${machine.postgres}, NATS ${machine.nats}`,
    '',
    `heartbeats  ${count(beats.sent)} sent, ${count(beats.logged)} logged; ${count(beats.lost)} lost, ${count(beats.doubled)} doubled`,
    `polls       ${count(polls.answered)} answered, ${count(polls.acknowledgements)} acknowledgements; ` +
      `p50 ${polls.undisturbed.p50} ms, p99 ${polls.undisturbed.p99} ms, at most ${polls.undisturbed.max} ms; ` +
      `after kills p99 ${polls.afterKills.p99} ms, at most ${polls.afterKills.max} ms`,
    `lag         p50 ${lag.p50} ms, p99 ${lag.p99} ms, at most ${lag.max} ms; after kills at most ${lag.afterKillsMax} ms`,
    `kills       ${kills.length}; ready after at most ${slowest(kills.map((kill) => kill.readyMs))}, ` +
      `back under a second after at most ${slowest(kills.map((kill) => kill.backMs))}`,
    ...kills.map(
      (kill) =>
        `              at ${count(kill.afterSeconds)} s: ready ${count(kill.readyMs)} ms, back ${count(kill.backMs)} ms, ` +
        `read ${count(kill.replayedContacts ?? Number.NaN)} contacts`,
    ),
    `memory      server over its lives ${thirds(memory.overLives)}, NATS ${thirds(memory.nats)}, Postgres ${thirds(memory.postgres)}`,
    ...memory.lives.map((life, i) => `              server, life ${i + 1}: ${thirds(life)}`),
    `disk        database ${count(disk.before.database)} → ${count(disk.after.database)} MB, WAL ${count(disk.after.wal)} MB, ` +
      `stream ${count(disk.after.stream)} MB; ${disk.bytesPerContact} bytes per contact in its log`,
    `books       ${count(queues.compared)} queues compared, with ${count(queues.items)} items, of ${books.settingsChanged} changes of ` +
      `settings and ${books.released} releases: ${queues.wrong} wrong; ${books.wrongOffline} wrongly offline`,
    '',
    ...(broken.length === 0 ? ['All of it held.'] : ['This did not hold:', ...broken.map((text) => `- ${text}`)]),
  ].join('\n');
};
