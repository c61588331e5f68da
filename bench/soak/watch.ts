import { jetstreamManager } from '@nats-io/jetstream';
import { contactStream } from '#contracts';
import { readLane } from '#event-log';
import { lane } from '../fleet/seed.js';
import { round } from '../statistics.js';
import { proportionalBytes, residentBytes } from '../system/cpu.js';
import type { Stack } from '../system/stack.js';
import type { Disk } from './result.js';

export type LagSample = { readonly at: number; readonly lag: number };
export type MemorySample = {
  /** Which server it was, from 0. */
  readonly life: number;
  readonly server: number | null;
  readonly nats: number | null;
};

export const megabytes = (bytes: number): number => round(bytes / 2 ** 20, 1);
const orNull = (bytes: number | undefined): number | null => (bytes ? megabytes(bytes) : null);

/** How far the log is behind the stream right now, in milliseconds; a tick comes twice a second, so it tells on its own. */
export const sampleLag = async ({ db }: Stack): Promise<LagSample> => {
  const { watermark } = await readLane(db, lane);
  const at = Date.now();
  return { at, lag: Math.max(0, at - Number(watermark.time / 1_000_000n)) };
};

export const sampleMemory = async (
  { natsPid }: Stack,
  { life, pid }: { readonly life: number; readonly pid: number },
): Promise<MemorySample> => {
  const [server, nats] = await Promise.all([residentBytes(pid), residentBytes(natsPid)]);
  return { life, server: orNull(server), nats: orNull(nats) };
};

/** Seldom: for what its processes share, the kernel looks at all pages of each of them. */
export const samplePostgres = async ({ postgresPid }: Stack): Promise<number | null> =>
  orNull(await proportionalBytes(postgresPid));

export const sampleDisk = async ({ db, nats }: Stack): Promise<Disk> => {
  const { state } = await (await jetstreamManager(nats)).streams.info(contactStream.name);
  const [row] = await db<{ database: number; contactLog: number; factLog: number; wal: number }[]>`
    SELECT pg_database_size(current_database())::float8 AS database,
           (SELECT sum(pg_total_relation_size(inhrelid))::float8 FROM pg_inherits
            WHERE inhparent = 'contact_chunk'::regclass) AS "contactLog",
           pg_total_relation_size('event')::float8 AS "factLog",
           (SELECT sum(size)::float8 FROM pg_ls_waldir()) AS wal`;
  const { database = 0, contactLog = 0, factLog = 0, wal = 0 } = row ?? {};
  return {
    database: megabytes(database),
    contactLog: megabytes(contactLog),
    factLog: megabytes(factLog),
    wal: megabytes(wal),
    stream: megabytes(state.bytes),
  };
};
