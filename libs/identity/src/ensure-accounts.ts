import { type NatsConnection, RequestError, TimeoutError } from '@nats-io/transport-node';
import type { Authority } from './authority.js';
import { pushAccount } from './push-account.js';

const lookupTimeout = 2_000;

/** Whether the broker knows an account. */
const isKnown = async (sys: NatsConnection, account: string): Promise<boolean> => {
  try {
    const answer = await sys.request(`$SYS.REQ.ACCOUNT.${account}.CLAIMS.LOOKUP`, '', { timeout: lookupTimeout });
    return answer.data.length > 0;
  } catch (error) {
    if (error instanceof TimeoutError || (error instanceof RequestError && error.isNoResponders())) return false;
    throw error;
  }
};

/**
 * Gives the broker the accounts that it does not know: those of an installation that was set up on a NATS of one's own.
 * One that it knows stays as it is, for it may shut somebody out.
 *
 * @param sys a connection as a user of the system account
 */
export const ensureAccounts = async (sys: NatsConnection, authority: Authority): Promise<void> => {
  const { server, agents } = authority.accounts;
  if (!(await isKnown(sys, server))) await pushAccount(sys, authority.serverAccountJwt());
  if (!(await isKnown(sys, agents))) await pushAccount(sys, authority.agentsAccountJwt(new Map()));
};
