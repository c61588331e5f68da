import type { CopiedInstance } from '#contracts';
import { lockLog, type Queryable, transact } from '#event-log';
import { appender, type EnrolmentContext } from '../context.js';

/** The client that a key was let in as; undefined where nobody has enrolled with it, or it is let in no longer. */
export const findOwner = async (db: Queryable, publicKey: string): Promise<string | undefined> => {
  const [row] = await db<{ clientId: string }[]>`
    SELECT client_id AS "clientId" FROM credential
    WHERE public_key = ${publicKey} AND revoked_at IS NULL AND expires_at > now()`;
  return row?.clientId;
};

export type CopiedConnections = {
  readonly publicKey: string;
  /** The one that was there before the other comes first. */
  readonly connections: readonly [{ readonly address: string }, { readonly address: string }];
};

/** Says that a client is copied, unless that is known; returns whether it did. */
export const reportCopy = async (
  { db, lanes }: Pick<EnrolmentContext, 'db' | 'lanes'>,
  { publicKey, connections }: CopiedConnections,
): Promise<boolean> => {
  // What is known already shall not make others wait for the log's lock.
  if ((await findUnreported(db, publicKey)) === undefined) return false;
  return transact(db, async (tx) => {
    await lockLog(tx);
    const client = await findUnreported(tx, publicKey);
    if (client === undefined) return false;
    const [first, second] = connections;
    await appender(tx, lanes, { actor: 'system' })({
      type: 'client-copied',
      client,
      data: { instances: [describe(first), describe(second)] },
    });
    return true;
  });
};

const describe = ({ address }: { readonly address: string }): CopiedInstance => ({ instance: null, address, ips: [] });

const findUnreported = async (db: Queryable, publicKey: string): Promise<string | undefined> => {
  const [row] = await db<{ id: string }[]>`
    SELECT c.id FROM credential k JOIN client c ON c.id = k.client_id
    WHERE k.public_key = ${publicKey} AND k.revoked_at IS NULL AND c.removed_at IS NULL
      AND NOT EXISTS (SELECT FROM client_copy y WHERE y.client_id = c.id)`;
  return row?.id;
};
