import { type NatsConnection, RequestError, TimeoutError } from '@nats-io/transport-node';
import { z } from 'zod';
import type { Authority } from './authority.js';
import { pushAccount } from './push-account.js';

const lookupTimeout = 2_000;

/** What of an account's claims is compared: all that is said of it, but not when. */
const claims = z.object({ nats: z.looseObject({ revocations: z.record(z.string(), z.number()).optional() }) });
type AccountClaims = z.infer<typeof claims>['nats'];

const claimsOf = (jwt: string): AccountClaims =>
  claims.parse(JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString())).nats;

/** The account as the broker knows it, if it does. */
const lookUp = async (sys: NatsConnection, account: string): Promise<AccountClaims | undefined> => {
  try {
    const answer = await sys.request(`$SYS.REQ.ACCOUNT.${account}.CLAIMS.LOOKUP`, '', { timeout: lookupTimeout });
    return answer.data.length > 0 ? claimsOf(answer.string()) : undefined;
  } catch (error) {
    if (error instanceof TimeoutError || (error instanceof RequestError && error.isNoResponders())) return undefined;
    throw error;
  }
};

const pushIfOther = async (sys: NatsConnection, known: AccountClaims | undefined, jwt: string): Promise<boolean> => {
  if (JSON.stringify(known) === JSON.stringify(claimsOf(jwt))) return false;
  await pushAccount(sys, jwt);
  return true;
};

/**
 * Gives the broker an account, unless what it has says the same.
 *
 * @returns whether it had to
 * @throws when the broker does not answer, or refuses it
 */
export const ensureAccount = async (sys: NatsConnection, account: string, jwt: string): Promise<boolean> =>
  pushIfOther(sys, await lookUp(sys, account), jwt);

/**
 * Brings the broker's accounts up to date: those of an installation that was set up on a NATS of one's own, or whose
 * broker was set up by an older Reachback. Who is shut out by what the broker knows stays so.
 *
 * @param sys a connection as a user of the system account
 */
export const ensureAccounts = async (sys: NatsConnection, authority: Authority): Promise<void> => {
  const { server, agents, mqtt } = authority.accounts;
  await pushIfOther(sys, await lookUp(sys, server), authority.serverAccountJwt());
  for (const [account, jwtWithout] of [
    [agents, authority.agentsAccountJwt],
    [mqtt, authority.mqttAccountJwt],
  ] as const) {
    const known = await lookUp(sys, account);
    const shutOut = Object.entries(known?.revocations ?? {}).map(([key, at]) => [key, new Date(at * 1000)] as const);
    await pushIfOther(sys, known, jwtWithout(new Map(shutOut)));
  }
};
