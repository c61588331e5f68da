import type { NatsConnection } from '@nats-io/transport-node';

const pushTimeout = 5_000;

type PushReply = {
  readonly data?: { readonly code?: number };
  readonly error?: { readonly code?: number; readonly description?: string };
};

/**
 * Gives the broker a newer version of an account. It holds at once, also for connections that are open: those of revoked
 * users are closed. A broker keeps it over restarts.
 *
 * @param sys a connection as a user of the system account
 * @throws when the broker does not answer, or refuses it
 */
export const pushAccount = async (sys: NatsConnection, jwt: string): Promise<void> => {
  const message = await sys.request('$SYS.REQ.CLAIMS.UPDATE', jwt, { timeout: pushTimeout });
  const { data, error } = message.json<PushReply>();
  if (data?.code === 200) return;
  throw new Error(`The broker did not take the account: ${error?.description ?? message.string()}`);
};
