import type { NewFact } from '#contracts';
import type { SourceMessage } from '#intake';
import type { Entry, Transition } from '../oracle/history.js';
import { factOf, messageOf, registrationOf } from './facts-of.js';

/** A lane that others append facts to, and whose owner is offered what the broker brings. */
export type Lane = {
  /** The position of the last fact that was appended. */
  readonly head: bigint;
  /** There are turns to offline that are still to be written. */
  readonly isBusy: boolean;
  readonly isListed: (id: string) => boolean | Promise<boolean>;
  readonly append: (fact: NewFact, at: number) => bigint | Promise<bigint>;
  /** If the commit fails, the owner's successor is offered the same again (G7). */
  readonly offer: (messages: readonly SourceMessage[], commitFails: boolean) => void | Promise<void>;
};

/** Where batches end, by chance: at every `size`th message on average; every `failing`th commit fails. */
export type Batching = { readonly seed: number; readonly size: number; readonly failing: number };

/** Runs a history through live intake: messages in batches, facts in between as others append them. */
export const runLive = async (
  entries: readonly Entry[],
  lane: Lane,
  { seed, size, failing }: Batching,
): Promise<void> => {
  const chance = randomNumbers(seed);
  const positions = new Map<number, bigint>();
  const ordinals = new Map<string, number>();
  let pending: SourceMessage[] = [];
  const flush = async () => {
    if (pending.length > 0) await lane.offer(pending, chance() % failing === 0);
    pending = [];
  };
  for (const [index, entry] of entries.entries()) {
    const message = messageOf(entry, index + 1);
    if (!message || isRegister(entry)) await flush();
    if (isRegister(entry) && !(await lane.isListed(entry.client))) {
      if (!ordinals.has(entry.client)) ordinals.set(entry.client, ordinals.size);
      await lane.append(registrationOf(entry, ordinals.get(entry.client) ?? 0), entry.at);
    }
    // Whoever is removed and registers again in the moment in which the networks change leaves no addresses to judge the
    // removal by: the table of clients has the new ones alone.
    if (entry.type === 'removed') await lane.offer([], false);
    if (message) pending.push(message);
    else await appendFact(lane, entry, positions);
    if (chance() % size === 0) await flush();
  }
  await flush();
  while (lane.isBusy) await lane.offer([], chance() % failing === 0);
};

const isRegister = (entry: Entry): entry is Extract<Entry, { type: 'contact' }> =>
  entry.type === 'contact' && entry.kind === 'register';

const appendFact = async (lane: Lane, entry: Entry, positions: Map<number, bigint>): Promise<void> => {
  const fact = factOf(entry, (revision) => positions.get(revision) ?? 0n);
  if (!fact) return;
  const concernsNobody = fact.client !== null && !(await lane.isListed(fact.client));
  const position = concernsNobody ? lane.head : await lane.append(fact, entry.at);
  if ('revision' in entry && entry.type !== 'acknowledged') positions.set(entry.revision, position);
};

/** The transitions of every client among facts, in their order. */
export const transitionsOf = (facts: readonly NewFact[]): Readonly<Record<string, readonly Transition[]>> => {
  const byClient: Record<string, Transition[]> = {};
  for (const fact of facts) {
    if (fact.type !== 'client-status-changed' || fact.client === null) continue;
    const { at, status, cause } = fact.data;
    (byClient[fact.client] ??= []).push({ at: Date.parse(at), status, cause });
  }
  return byClient;
};

/** Numbers that look random, the same for the same seed: a linear congruential generator. */
const randomNumbers = (seed: number) => {
  let state = seed >>> 0;
  return (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 8;
  };
};
