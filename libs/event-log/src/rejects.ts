import type { ErrorCode } from '#contracts';
import type { Database } from './database.js';
import { transact } from './transact.js';

/** A message that could not be read. */
export type Reject = {
  readonly at: Date;
  readonly subject: string;
  readonly code: ErrorCode;
  readonly message: string;
  readonly payload: Uint8Array;
};

/** Counts what agents sent that could not be read, and keeps samples, so that somebody can find out who and why. */
export type RejectLog = {
  /** Never throws, and waits for nothing: a reject must not hurt its neighbours. */
  readonly record: (reject: Reject) => void;
  readonly flush: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

const samplesPerMinute = 10;
const sampleBytes = 1024;
const flushInterval = 1_000;

/** Hears how many rejects were stored, by code. */
export type RejectsStored = (counts: ReadonlyMap<ErrorCode, number>) => void;

export const createRejectLog = (db: Database, stored: RejectsStored = () => undefined): RejectLog => {
  let counts = new Map<ErrorCode, number>();
  let samples: Reject[] = [];
  const sampled = new Map<ErrorCode, { minute: number; count: number }>();

  const wantsSample = (code: ErrorCode): boolean => {
    const minute = Math.floor(Date.now() / 60_000);
    const known = sampled.get(code);
    const count = known?.minute === minute ? known.count + 1 : 1;
    sampled.set(code, { minute, count });
    return count <= samplesPerMinute;
  };

  const flush = async (): Promise<void> => {
    if (counts.size === 0) return;
    const [someCounts, someSamples] = [counts, samples];
    counts = new Map();
    samples = [];
    try {
      await store(db, someCounts, someSamples);
      stored(someCounts);
    } catch {
      for (const [code, count] of someCounts) counts.set(code, (counts.get(code) ?? 0) + count);
      samples = [...someSamples, ...samples].slice(0, samplesPerMinute);
    }
  };

  const timer = setInterval(() => void flush(), flushInterval);
  return {
    record: (reject) => {
      counts.set(reject.code, (counts.get(reject.code) ?? 0) + 1);
      if (wantsSample(reject.code)) samples.push(reject);
    },
    flush,
    stop: async () => {
      clearInterval(timer);
      await flush();
    },
  };
};

const store = (db: Database, counts: ReadonlyMap<ErrorCode, number>, samples: readonly Reject[]): Promise<void> =>
  transact(db, async (tx) => {
    // In the order of the codes, so that two servers that flush at once cannot wait for each other.
    const codes = [...counts.keys()].sort();
    await tx`
      INSERT INTO reject_count (code, count)
      SELECT * FROM unnest(${codes}::text[], ${codes.map((code) => String(counts.get(code) ?? 0))}::bigint[])
      ON CONFLICT (code) DO UPDATE SET count = reject_count.count + excluded.count`;
    for (const { at, subject, code, message, payload } of samples) {
      const sample = Buffer.from(payload.subarray(0, sampleBytes));
      await tx`
        INSERT INTO reject_sample (at, subject, code, message, payload)
        VALUES (${at}, ${storable(subject)}, ${code}, ${storable(message)}, ${sample})`;
    }
  });

/** Text that Postgres can store: without NUL, with lone surrogates replaced. */
const storable = (text: string): string => text.replaceAll('\0', '\uFFFD').toWellFormed();
