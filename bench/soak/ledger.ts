import { type Database, readChunk } from '#event-log';
import { scatter } from '../fleet/names.js';
import { lane } from '../fleet/seed.js';
import { MillisecondHistogram } from '../statistics.js';
import type { AgentState } from './book.js';
import type { Books, LagSummary } from './result.js';

export type LedgerQuestion = {
  readonly clients: number;
  /** Positions of the log after which the load began, and at which it had ended and was committed. */
  readonly after: bigint;
  readonly upTo: bigint;
  /** When the server was killed, in milliseconds since 1970. */
  readonly kills: readonly number[];
};

/** What the log holds of the load, by client; clients are numbered by their ordinals. */
export type Ledger = {
  readonly beats: Uint32Array;
  readonly polls: Uint32Array;
  /** Of all kinds. */
  readonly contacts: number;
  readonly doubled: number;
  readonly longestSilence: number;
  readonly lag: LagSummary;
};

/** Milliseconds before and after a kill in which lag is not counted with the rest. */
const underWay = 1_000;
export const killAllowance = 10_000;

type Row = { readonly at: Date; readonly data: Buffer; readonly committed: Date };

/** Reads all of it once. */
export const readLedger = async (db: Database, question: LedgerQuestion): Promise<Ledger> => {
  const { clients, after, upTo, kills } = question;
  const [beats, polls] = [new Uint32Array(clients), new Uint32Array(clients)];
  const lastAt = new Float64Array(clients);
  const [usual, afterKills] = [new MillisecondHistogram(), new MillisecondHistogram()];
  let [contacts, doubled, longestSilence, kill] = [0, 0, 0, 0];
  const rows = db<Row[]>`
    SELECT at, data, pg_xact_commit_timestamp(xmin) AS committed FROM contact_chunk
    WHERE lane = ${lane} AND first_position > ${after} AND first_position <= ${upTo}
    ORDER BY first_position`.cursor(100);
  for await (const chunks of rows) {
    for (const { at, data, committed } of chunks) {
      readChunk(at.getTime(), data, (ordinal, kind, arrived) => {
        contacts++;
        if (kind === 'poll') polls[ordinal] = (polls[ordinal] ?? 0) + 1;
        if (kind !== 'heartbeat') return;
        beats[ordinal] = (beats[ordinal] ?? 0) + 1;
        const before = lastAt[ordinal] ?? 0;
        // Clients beat seconds apart, so that two beats of one moment are one that was taken twice.
        if (before === arrived) doubled++;
        else if (before > 0) longestSilence = Math.max(longestSilence, arrived - before);
        lastAt[ordinal] = arrived;
        // Arrivals are in order, so the kill to compare with only ever moves on.
        while (arrived >= (kills[kill] ?? Infinity) + killAllowance) kill++;
        const lag = arrived >= (kills[kill] ?? Infinity) - underWay ? afterKills : usual;
        lag.add(committed.getTime() - arrived);
      });
    }
  }
  const [p50, p99, max] = [0.5, 0.99, 1].map((share) => usual.percentile(share));
  return {
    ...{ beats, polls, contacts, doubled, longestSilence },
    lag: { p50: p50 ?? 0, p99: p99 ?? 0, max: max ?? 0, afterKillsMax: afterKills.percentile(1) },
  };
};

/** Beats sent of each client, when so many were sent of all in turn. */
const sentOf = (sent: number, clients: number): Uint32Array => {
  const each = new Uint32Array(clients).fill(Math.floor(sent / clients));
  for (let i = 0; i < sent % clients; i++) {
    const client = scatter(i, clients);
    each[client] = (each[client] ?? 0) + 1;
  }
  return each;
};

/** Compares the beats by client with what was sent. */
export const balanceBeats = (
  { beats, doubled }: Ledger,
  { sent, stored, held }: { readonly sent: number; readonly stored: number; readonly held: number },
): Books['beats'] => {
  const expected = sentOf(sent, beats.length);
  const logged = beats.reduce((sum, count) => sum + count, 0);
  const wrongClients = beats.reduce((sum, count, client) => sum + (count === expected[client] ? 0 : 1), 0);
  return { sent, stored, logged, wrongClients, lost: sent + doubled - logged, doubled, held };
};

/** Every poll that was answered is in the log; one that was sent again may be there for each sending. */
export const balancePolls = ({ polls }: Ledger, agents: readonly AgentState[]): Books['polls'] => ({
  logged: polls.reduce((sum, count) => sum + count, 0),
  wrongClients: agents.filter(({ sent, answered }, client) => {
    const logged = polls[client] ?? 0;
    return logged < answered || logged > sent;
  }).length,
});
