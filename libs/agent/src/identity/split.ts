import type { SplitRight } from '#contracts';
import { AgentError, messageOf } from '../agent-error.js';
import { isRefused } from '../dial.js';
import { longestRetry } from '../retry.js';
import { enrol, type EnrolOptions } from './enrol.js';
import { type Identity, type IdentityStore, newIdentity } from './identity.js';

/**
 * Keeps that this machine, a copy of another, becomes a client of its own: with a key that it makes here. What it was until
 * then is given up when it has been let in as the other.
 */
export const keepSplit = async (store: IdentityStore, { clientId, token }: SplitRight): Promise<void> => {
  const known = await store.load();
  if (known) await store.save({ ...known, split: { clientId, token, seed: newIdentity().seed } });
};

/**
 * Has a machine let in as the client that it is to become, however often it is restarted meanwhile. Where the server says no,
 * it stays who it was.
 *
 * @throws when the broker is away
 */
export const finishSplit = async (
  store: IdentityStore,
  known: Identity,
  options: Omit<EnrolOptions, 'store' | 'id' | 'token'>,
): Promise<Identity> => {
  const { split, ...before } = known;
  if (!split) return known;
  const { clientId, token, seed } = split;
  const own: IdentityStore = {
    load: async () => ({ seed, jwt: null }),
    save: async (identity) => {
      if (identity.jwt !== null) await store.save({ ...identity, clientId });
    },
  };
  try {
    return { ...(await enrol({ ...options, store: own, id: clientId, token })), clientId };
  } catch (error) {
    const isDenied = error instanceof AgentError && error.code !== 'untrusted';
    if (!isDenied && !isRefused(error)) throw error;
    const failure = {
      type: 'failed',
      what: 'enrolling',
      error: messageOf(error),
      retryInSeconds: longestRetry / 1000,
    } as const;
    options.told?.(failure);
    await store.save(before);
    return before;
  }
};
