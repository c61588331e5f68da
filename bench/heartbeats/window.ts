import { jetstreamManager } from '@nats-io/jetstream';
import { contactStream } from '#contracts';
import { readLane } from '#event-log';
import type { Bench } from '../bench.js';
import type { Fleet } from '../fleet/fleet.js';
import { lane } from '../fleet/seed.js';
import type { CpuMicros } from '../result.js';
import { round } from '../statistics.js';
import { cpuMicros } from '../system/cpu.js';

/** Where everything stands at one moment. */
export type Reading = {
  /** Beats the generator had sent at a time, in milliseconds. */
  readonly sent: number;
  readonly sentAt: number;
  /** The head of the log at a time, and the contacts up to it. */
  readonly position: bigint;
  readonly positionAt: number;
  readonly contacts: number;
  /** Messages in the stream that are not in the log yet. */
  readonly backlog: number;
  readonly logBytes: number;
  /** Written ahead by Postgres since it was made, for everything. */
  readonly walBytes: number;
  readonly cpu: CpuMicros | null;
};

/** Whoever sends beats and can say how many, and the server that takes them. */
type Sending = { readonly server: Pick<Fleet['server'], 'pid'> } & {
  readonly beats: { readonly report: () => Promise<{ readonly sent: number }> };
};

export const read = async ({ stack }: Pick<Bench, 'stack'>, { server, beats }: Sending): Promise<Reading> => {
  const { db, nats, natsPid, postgresPid } = stack;
  const [cpuServer, cpuNats, cpuPostgres] = await Promise.all([server.pid, natsPid, postgresPid].map(cpuMicros));
  const { sent } = await beats.report();
  const sentAt = performance.now();
  const row = await readLane(db, lane);
  const positionAt = performance.now();
  const { state } = await (await jetstreamManager(nats)).streams.info(contactStream.name);
  const [log] = await db<{ contacts: number; bytes: number; wal: number }[]>`
    SELECT (SELECT sum(count)::float8 FROM contact_chunk WHERE lane = ${lane} AND first_position <= ${row.position}) AS contacts,
           (SELECT sum(pg_total_relation_size(inhrelid))::float8 FROM pg_inherits
            WHERE inhparent = 'contact_chunk'::regclass) AS bytes,
           (pg_current_wal_lsn() - '0/0'::pg_lsn)::float8 AS wal`;
  const isKnown = cpuServer !== undefined && cpuNats !== undefined && cpuPostgres !== undefined;
  return {
    sent,
    sentAt,
    position: row.position,
    positionAt,
    contacts: log?.contacts ?? 0,
    backlog: state.last_seq - Number(row.watermark.sequence),
    logBytes: log?.bytes ?? 0,
    walBytes: log?.wal ?? 0,
    cpu: isKnown ? { server: cpuServer, nats: cpuNats, postgres: cpuPostgres } : null,
  };
};

/** What happened between two readings, per second. */
export type Window = {
  readonly from: Reading;
  readonly to: Reading;
  readonly offered: number;
  readonly committed: number;
};

/** CPU time that each part took for one of so many things; null where the system does not tell. */
export const cpuMicrosPer = (count: number, from: Reading, to: Reading): CpuMicros | null => {
  if (!from.cpu || !to.cpu || count === 0) return null;
  const [before, after] = [from.cpu, to.cpu];
  const of = (part: keyof CpuMicros) => round((after[part] - before[part]) / count, 2);
  return { server: of('server'), nats: of('nats'), postgres: of('postgres') };
};

const settleSeconds = 2;

/** Offers beats at a rate for some seconds, after a moment in which the rate settles. */
export const offer = async (bench: Bench, fleet: Fleet, rate: number, seconds: number): Promise<Window> => {
  await fleet.beats.setRate(rate);
  await bench.pause(settleSeconds);
  const from = await read(bench, fleet);
  await bench.pause(seconds);
  const to = await read(bench, fleet);
  return { from, to, ...ratesBetween(from, to) };
};

/** What one of the beats between two readings cost. */
export const costOfBeat = (from: Reading, to: Reading) => {
  const beats = to.contacts - from.contacts;
  return {
    cpuMicrosPerBeat: cpuMicrosPer(beats, from, to),
    bytesPerBeatInLog: round((to.logBytes - from.logBytes) / beats, 2),
    walBytesPerBeat: round((to.walBytes - from.walBytes) / beats, 2),
  };
};

/** Per second. */
export const ratesBetween = (from: Reading, to: Reading) => ({
  offered: ((to.sent - from.sent) * 1000) / (to.sentAt - from.sentAt),
  committed: ((to.contacts - from.contacts) * 1000) / (to.positionAt - from.positionAt),
});

const drainSeconds = 90;

/** Waits, at the usual rate or none, until the log has caught up with the stream. */
export const drain = async (bench: Bench, fleet: Fleet, rate: number): Promise<Reading> => {
  await fleet.beats.setRate(rate);
  const deadline = performance.now() + drainSeconds * 1000;
  for (;;) {
    const now = await read(bench, fleet);
    if (now.backlog <= Math.max(rate, 1)) return now;
    if (performance.now() > deadline) throw new Error(`${now.backlog} messages still wait after ${drainSeconds} s.`);
    await bench.pause(0.25);
  }
};

/** Nothing under way any more: what the broker has stored, and what the log holds. */
export const settle = async (
  bench: Bench,
  fleet: Fleet,
): Promise<{ readonly stored: number; readonly contacts: number }> => {
  const { stored } = await fleet.beats.settle();
  const { contacts } = await drain(bench, fleet, 0);
  return { stored, contacts };
};
