import { expect } from '@jest/globals';
import type { LanePresence } from '#intake';
import type { Entry, Transition } from '../oracle/history.js';
import { isOnline } from '../oracle/client.js';
import type { Judged } from '../oracle/oracle.js';
import { inWords, start } from './story.js';

type Transitions = Readonly<Record<string, readonly Transition[]>>;

/** Fails with the history, told so that it can be read, where two that ought to agree on it do not. */
export const agree = (what: string, entries: readonly Entry[], found: unknown, expected: unknown): void => {
  try {
    expect(found).toEqual(expected);
  } catch (error) {
    throw new Error(`${what}\n\n${inWords(entries)}\n\n${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
};

/** Transitions as one reads them: `+3.5 Offline silence`. */
export const told = (transitions: Transitions): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    Object.entries(transitions).map(([id, list]) => [
      id,
      list.map(({ at, status, cause }) => `+${(at - start) / 1000} ${status} ${cause}`),
    ]),
  );

export const transitionsByRules = (judged: ReadonlyMap<string, Judged>): Transitions =>
  Object.fromEntries([...judged].flatMap(([id, { history }]) => (history.length > 0 ? [[id, history]] : [])));

/** The state of everybody on the list: online, network, and when it goes offline if it stays silent. */
export const stateOf = ({ members, outages }: LanePresence, clients: readonly string[]) =>
  clients.flatMap((id) => {
    const ordinal = members.ordinalOf(id);
    if (ordinal === undefined || !members.isRegistered(ordinal)) return [];
    const offlineAt = members.isWatched(ordinal) ? (members.deadlineOf(ordinal, outages) - start) / 1000 : null;
    return [{ id, online: members.isOnline(ordinal), network: members.networkNameOf(ordinal), offlineAt }];
  });

export const stateByRules = (judged: ReadonlyMap<string, Judged>, clients: readonly string[]) =>
  clients.flatMap((id) => {
    const client = judged.get(id);
    if (!client?.listed) return [];
    const offlineAt = client.offlineAt === null ? null : (client.offlineAt - start) / 1000;
    return [{ id, online: isOnline(client), network: client.network, offlineAt }];
  });
