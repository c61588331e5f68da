import { ReachbackError } from '#contracts';
import type { Transaction } from '#event-log';
import type { Append, EnrolmentContext } from '../context.js';
import { checkKey, grant } from './grant.js';
import { type Asked, findEnrolment } from './read-standing.js';

type Write = { readonly tx: Transaction; readonly append: Append };

/**
 * Lets in who waits for approval. Approved already, it stays so.
 *
 * @returns the keys whose credentials were revoked for it: an earlier installation's of a client that was uninstalled
 * @throws {ReachbackError} `not_found`, `conflict` when it was refused, or as {@link checkKey}
 */
export const approve = async (
  context: Pick<EnrolmentContext, 'lifetime'>,
  { tx, append }: Write,
  id: string,
): Promise<readonly string[]> => {
  const asked = await find(tx, id);
  if (asked.state === 'approved') return [];
  if (asked.state === 'refused') throw new ReachbackError('conflict', 'This enrolment was refused already.');
  const replaced = await checkKey(tx, asked);
  await append({ type: 'enrolment-approved', client: asked.clientId, data: { id } });
  await grant(context, append, asked, replaced);
  return replaced;
};

/**
 * Refuses who waits for approval; refused already, it stays so. The use of the token is not given back.
 *
 * @throws {ReachbackError} `not_found`, or `conflict` when it was approved
 */
export const refuse = async ({ tx, append }: Write, id: string): Promise<void> => {
  const asked = await find(tx, id);
  if (asked.state === 'refused') return;
  if (asked.state === 'approved') {
    const message = `It was approved already; POST /v1/clients/${asked.clientId}/credentials/revoke takes it back.`;
    throw new ReachbackError('conflict', message);
  }
  await append({ type: 'enrolment-refused', client: asked.clientId, data: { id } });
};

const find = async (tx: Transaction, id: string): Promise<Asked> => {
  const asked = await findEnrolment(tx, id);
  if (!asked) throw new ReachbackError('not_found', 'There is no enrolment with this id.');
  return asked;
};
