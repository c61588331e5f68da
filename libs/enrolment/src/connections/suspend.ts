import { lockLog, type Transaction, transact } from '#event-log';
import { appender, type EnrolmentContext } from '../context.js';

/** An agent has one connection, and while its network comes and goes a few that the broker does not know to be dead. */
export const mostConnections = 16;
/** In milliseconds. */
const suspension = 60_000;

export type Suspending = { readonly publicKey: string; readonly connections: number };

/** `unknown`: nobody has enrolled with this key. `out`: it is shut out already. */
export type Suspended =
  | { readonly outcome: 'suspended'; readonly clientId: string; readonly until: Date }
  | { readonly outcome: 'out' | 'unknown' };

/**
 * Shuts a key out for a while. It holds when the broker has been told (`Revocations.push`), and is lifted by whoever
 * tells the broker next after that.
 */
export const suspend = async (
  { db, lanes }: Pick<EnrolmentContext, 'db' | 'lanes'>,
  { publicKey, connections }: Suspending,
): Promise<Suspended> =>
  transact(db, async (tx) => {
    // What enrolment does not know shall not make others wait for the log's lock.
    if (!(await findKept(tx, publicKey))) return { outcome: 'unknown' };
    await lockLog(tx);
    const kept = await findKept(tx, publicKey);
    if (!kept) return { outcome: 'unknown' };
    if (kept.isOut) return { outcome: 'out' };
    const until = new Date(Date.now() + suspension);
    const { clientId } = kept;
    await appender(tx, lanes, { actor: 'system' })({
      type: 'credential-suspended',
      client: clientId,
      data: { publicKey, connections, until: until.toISOString() },
    });
    return { outcome: 'suspended', clientId, until };
  });

type Kept = { readonly clientId: string; readonly isOut: boolean };

const findKept = async (tx: Transaction, publicKey: string): Promise<Kept | undefined> => {
  const [row] = await tx<Kept[]>`
    SELECT client_id AS "clientId",
           revoked_at IS NOT NULL OR expires_at <= now() OR coalesce(suspended_until > now(), false) AS "isOut"
    FROM credential WHERE public_key = ${publicKey}`;
  return row;
};
