import { setTimeout as sleep } from 'node:timers/promises';
import { renewReplySchema, subjects } from '#contracts';
import { answerOf, messageOf } from '../agent-error.js';
import type { Link } from '../connection.js';
import { firstRetry, identityTimeout, longestRetry, waitAfter } from '../retry.js';
import { type Identity, type IdentityStore, publicKeyOf, validityOf } from './identity.js';

/** A timer longer than this overflows, and a laptop that slept has other ideas of when it is. In milliseconds. */
const longestSleep = 60_000;

export type RenewOptions = {
  readonly id: string;
  readonly link: Link;
  readonly store: IdentityStore;
  /** The identity as it is now, and as it is from now on. */
  readonly current: { identity: Identity };
  /** The server's time. */
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly told: (event: RenewEvent) => void;
};

export type RenewEvent =
  | { readonly type: 'renewed'; readonly expiresAt: string }
  | { readonly type: 'failed'; readonly what: 'renewing'; readonly error: string; readonly retryInSeconds: number };

/** When a credential is renewed: after about two thirds of its lifetime; who enrolled together, not all at once. */
const dueOf = (jwt: string, chance: number): number => {
  const { issued, expires } = validityOf(jwt);
  return issued + (expires - issued) * (0.63 + 0.07 * chance);
};

/** Renews the credential before it expires, again and again, and goes over to a connection with the new one. */
export const keepRenewed = async (options: RenewOptions): Promise<void> => {
  const { current, now, signal, told } = options;
  const pause = (milliseconds: number) => sleep(milliseconds, undefined, { signal }).catch(() => undefined);
  let chance = Math.random();
  let retry = firstRetry;
  while (!signal.aborted) {
    const wait = dueOf(current.identity.jwt ?? '', chance) - now();
    if (wait > 0) {
      await pause(Math.min(wait, longestSleep));
      continue;
    }
    try {
      const expiresAt = await renewOnce(options);
      told({ type: 'renewed', expiresAt });
      chance = Math.random();
      retry = firstRetry;
    } catch (error) {
      if (signal.aborted) return;
      const wait = waitAfter(error, retry);
      told({ type: 'failed', what: 'renewing', error: messageOf(error), retryInSeconds: wait / 1000 });
      await pause(wait);
      retry = Math.min(retry * 2, longestRetry);
    }
  }
};

/** The new JWT is on disk before it is used. */
const renewOnce = async ({ id, link, store, current }: RenewOptions): Promise<string> => {
  const request = JSON.stringify({ publicKey: publicKeyOf(current.identity) });
  const { jwt, expiresAt } = renewReplySchema.parse(
    answerOf(await link.request(subjects.renew(id), request, identityTimeout)),
  );
  current.identity = { ...current.identity, jwt };
  await store.save(current.identity);
  await link.reopen();
  return expiresAt;
};
