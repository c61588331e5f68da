import { type Database, readChunk } from '#event-log';
import { clientId } from '../fleet/names.js';
import { lane } from '../fleet/seed.js';
import { MillisecondHistogram } from '../statistics.js';

/** Clients of which each beat once after a position, and said nothing more. */
export type Silenced = {
  readonly prefix: string;
  /** Of the clients `<prefix>-0` and so on. */
  readonly ordinals: readonly number[];
  /** How long each may be silent, in milliseconds. */
  readonly limit: number;
  readonly since: bigint;
};

export type Judgement = {
  readonly latenessP50: number;
  readonly latenessP99: number;
  readonly early: number;
  /** Early, with another time than is due, doubled, or about somebody who went on speaking. */
  readonly wrong: number;
  /** Not there yet. */
  readonly missing: number;
};

type Verdict = { readonly client: string; readonly due: string; readonly committed: Date };

/** Compares the verdicts with what the log says of arrivals. */
export const judge = async (db: Database, silenced: Silenced): Promise<Judgement> => {
  const due = await readDue(db, silenced);
  const lateness = new MillisecondHistogram();
  let [early, wrong] = [0, 0];
  for (const verdict of await readVerdicts(db, silenced.since)) {
    const expected = due.get(verdict.client);
    due.delete(verdict.client);
    const late = verdict.committed.getTime() - (expected ?? 0);
    if (expected !== undefined && late < 0) early++;
    if (expected === undefined || Date.parse(verdict.due) !== expected || late < 0) wrong++;
    else lateness.add(late);
  }
  return {
    latenessP50: lateness.percentile(0.5),
    latenessP99: lateness.percentile(0.99),
    early,
    wrong,
    missing: due.size,
  };
};

/** When each client's verdict is due, by what the log says of its last beat. */
const readDue = async (db: Database, { prefix, ordinals, limit, since }: Silenced): Promise<Map<string, number>> => {
  const ids = new Map(ordinals.map((ordinal, i) => [ordinal, clientId(prefix, i)]));
  const due = new Map<string, number>([...ids.values()].map((id) => [id, Number.NaN]));
  const rows = db<{ at: Date; data: Buffer }[]>`
    SELECT at, data FROM contact_chunk WHERE lane = ${lane} AND first_position > ${since}`.cursor(200);
  for await (const chunks of rows) {
    for (const { at, data } of chunks) {
      readChunk(at.getTime(), data, (ordinal, _kind, arrived) => {
        const id = ids.get(ordinal);
        if (id !== undefined) due.set(id, arrived + limit);
      });
    }
  }
  return due;
};

const readVerdicts = (db: Database, since: bigint) => db<Verdict[]>`
  SELECT client_id AS client, data->>'at' AS due, pg_xact_commit_timestamp(xmin) AS committed FROM event
  WHERE lane = ${lane} AND position > ${since} AND type = 'client-status-changed'
    AND data->>'status' LIKE '%Offline'`;
