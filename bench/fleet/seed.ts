import type { NewFact } from '#contracts';
import {
  appendChunk,
  appendFacts,
  ChunkWriter,
  type Database,
  ensurePartitions,
  lockLog,
  reserveOrdinals,
  transact,
} from '#event-log';
import { inlineProjections } from '#projections';
import { addressOf, clientId } from './names.js';

export const lane = 0;
export const networkName = 'bench';
const meta = { actor: 'system' } as const;
/** Large where nobody else uses the lane. */
const clientsPerTransaction = 10_000;
const contactsPerChunk = 8_192;

/** What an administrator sorts clients by. */
export type Member = { readonly group: string; readonly labels: Readonly<Record<string, string>> };

export type Seed = {
  readonly prefix: string;
  readonly count: number;
  /** Of the client with this number; the root group and no labels by default. */
  readonly member?: (i: number) => Member;
  readonly perTransaction?: number;
};

const unsorted: Member = { group: '', labels: {} };

/** Registers clients in the log as the server would, only many in a transaction: facts, contacts, and their rows. */
export const seedClients = async (
  db: Database,
  { prefix, count, member = () => unsorted, perTransaction = clientsPerTransaction }: Seed,
  done: (clients: number) => void = () => undefined,
): Promise<readonly number[]> => {
  const ordinals: number[] = [];
  while (ordinals.length < count) {
    const size = Math.min(perTransaction, count - ordinals.length);
    const numbers = Array.from({ length: size }, (_, i) => ordinals.length + i);
    const first = await transact(db, async (tx) => {
      await lockLog(tx);
      const start = await reserveOrdinals(tx, lane, size);
      const facts = numbers.map((number, i) => registered(clientId(prefix, number), start + i, member(number)));
      await appendFacts(tx, lane, facts, inlineProjections);
      return start;
    });
    for (let i = 0; i < size; i++) ordinals.push(first + i);
    done(ordinals.length);
  }
  return ordinals;
};

const registered = (client: string, ordinal: number, member: Member): NewFact => ({
  type: 'client-registered',
  client,
  meta,
  data: {
    ordinal,
    name: client,
    ...member,
    ips: [addressOf(ordinal)],
    agentVersion: '1.0.0',
    installed: {},
  },
});

/** Puts registered clients online, as of now: the contact by which each registered, and its transition. */
export const putOnline = async (
  db: Database,
  prefix: string,
  ordinals: readonly number[],
  done: (clients: number) => void,
): Promise<void> => {
  for (let from = 0; from < ordinals.length; from += clientsPerTransaction) {
    const part = ordinals.slice(from, from + clientsPerTransaction);
    const at = new Date().toISOString();
    const facts = part.map((_, i): NewFact => ({
      type: 'client-status-changed',
      client: clientId(prefix, from + i),
      meta,
      data: { at, status: 'Unreachable/Online', cause: 'registered', network: 'unreachable', networkName },
    }));
    await transact(db, (tx) => appendFacts(tx, lane, facts, inlineProjections));
    done(from + part.length);
  }
  await appendContacts(db, ordinals);
};

const appendContacts = async (db: Database, ordinals: readonly number[]): Promise<void> => {
  const now = Date.now();
  await ensurePartitions(db, now);
  for (let from = 0; from < ordinals.length; from += contactsPerChunk) {
    const writer = new ChunkWriter();
    for (const ordinal of ordinals.slice(from, from + contactsPerChunk)) writer.add(ordinal, 'register', now);
    await transact(db, (tx) => appendChunk(tx, lane, 0, writer.take()));
  }
};
