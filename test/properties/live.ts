import type { NewFact } from '#contracts';
import type { SourceMessage } from '#intake';
import type { Entry, Transition } from '../oracle/history.js';
import { factOf, messageOf, registrationOf } from './facts-of.js';
import { MemoryLane } from './memory-lane.js';

/** Where batches end, by chance: at every `size`th message on average; every `failing`th commit fails. */
export type Batching = { readonly seed: number; readonly size: number; readonly failing: number };

/** Runs a history through live intake: messages in batches, facts in between as others append them. */
export const runLive = (entries: readonly Entry[], { seed, size, failing }: Batching): MemoryLane => {
  const lane = new MemoryLane();
  const chance = randomNumbers(seed);
  const positions = new Map<number, bigint>();
  const ordinals = new Map<string, number>();
  let pending: SourceMessage[] = [];
  const flush = () => {
    if (pending.length > 0) lane.offer(pending, chance() % failing === 0);
    pending = [];
  };
  entries.forEach((entry, index) => {
    const message = messageOf(entry, index + 1);
    if (!message || isRegister(entry)) flush();
    if (isRegister(entry) && !lane.isListed(entry.client)) {
      if (!ordinals.has(entry.client)) ordinals.set(entry.client, ordinals.size);
      lane.append(registrationOf(entry, ordinals.get(entry.client) ?? 0), entry.at);
    }
    if (message) pending.push(message);
    else appendFact(lane, entry, positions);
    // Classifying anew is the owner's own work; other facts that come before it is done are judged by the classes before.
    if (entry.type === 'networks') lane.offer([]);
    if (chance() % size === 0) flush();
  });
  flush();
  return lane;
};

const isRegister = (entry: Entry): entry is Extract<Entry, { type: 'contact' }> =>
  entry.type === 'contact' && entry.kind === 'register';

const appendFact = (lane: MemoryLane, entry: Entry, positions: Map<number, bigint>): void => {
  const fact = factOf(entry, (revision) => positions.get(revision) ?? 0n);
  if (!fact) return;
  const concernsNobody = fact.client !== null && !lane.isListed(fact.client);
  const position = concernsNobody ? lane.head : lane.append(fact, entry.at);
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
