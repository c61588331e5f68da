import { type Database, readChunk } from '#event-log';
import { lane } from '../fleet/seed.js';
import { MillisecondHistogram } from '../statistics.js';

type Row = { readonly at: Date; readonly data: Buffer; readonly committed: Date };

const page = 200;

/** For every contact between two positions: the time from its arrival at the broker until its commit. */
export const readLag = async (db: Database, after: bigint, upTo: bigint): Promise<MillisecondHistogram> => {
  const histogram = new MillisecondHistogram();
  const rows = db<Row[]>`
    SELECT at, data, pg_xact_commit_timestamp(xmin) AS committed FROM contact_chunk
    WHERE lane = ${lane} AND first_position > ${after} AND first_position <= ${upTo}`.cursor(page);
  for await (const chunk of rows) {
    for (const { at, data, committed } of chunk) {
      readChunk(at.getTime(), data, (_ordinal, _kind, arrived) => histogram.add(committed.getTime() - arrived));
    }
  }
  return histogram;
};
