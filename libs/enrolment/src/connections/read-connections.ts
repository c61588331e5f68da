import { type NatsConnection, NoRespondersError, RequestError } from '@nats-io/transport-node';
import { z } from 'zod';
import type { Connection } from '#domain';

/** So many connections a message: some 1.3 KB each. */
const pageSize = 4_096;
/** In milliseconds: how long the first broker may take to answer, and the others of a cluster after it. */
const patience = 10_000;
const stall = 500;

/** Which connection it is: of which broker, as long as that runs, and its number there. */
export type ConnectionId = { readonly server: string; readonly cid: number };

const page = z.object({
  server: z.object({ id: z.string() }),
  data: z.object({
    total: z.number(),
    connections: z
      .array(
        z.object({
          jwt: z.string().default(''),
          cid: z.number(),
          ip: z.string(),
          start: z.string(),
          in_msgs: z.number(),
        }),
      )
      .default([]),
  }),
});
const claims = z.object({ sub: z.string() });

/**
 * The key that a JWT which the broker has let in is about. What else the broker tells of a connection may be the
 * client's own word: its user is the name that it gives itself, if it gives one.
 */
export const keyOf = (jwt: string): string | undefined => {
  try {
    return claims.parse(JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString())).sub;
  } catch {
    return undefined;
  }
};

/**
 * Tells of every connection in an account, on all brokers of the cluster, with its key; of some it may tell twice.
 *
 * @throws when no broker answers
 */
export const readConnections = async (
  system: NatsConnection,
  account: string,
  found: (key: string, id: ConnectionId) => void,
): Promise<void> => {
  for (let offset = 0, isMore = true; isMore; offset += pageSize) {
    isMore = false;
    for (const { server, data } of await askAll(system, account, offset)) {
      for (const { jwt, cid } of data.connections) {
        const key = keyOf(jwt);
        if (key !== undefined) found(key, { server: server.id, cid });
      }
      isMore ||= data.total > offset + pageSize;
    }
  }
};

const askAll = async (system: NatsConnection, account: string, offset: number) => {
  const question = JSON.stringify({ auth: true, limit: pageSize, offset });
  const subject = `$SYS.REQ.ACCOUNT.${account}.CONNZ`;
  const answers = await system.requestMany(subject, question, { strategy: 'stall', maxWait: patience, stall });
  const pages: z.infer<typeof page>[] = [];
  for await (const answer of answers) pages.push(page.parse(answer.json()));
  if (pages.length === 0) throw new Error('The broker does not say who is connected.');
  return pages;
};

/**
 * A connection as it is now; undefined when it, or its broker, is gone.
 *
 * @throws when its broker does not answer
 */
export const readConnection = async (
  system: NatsConnection,
  { server, cid }: ConnectionId,
): Promise<Connection | undefined> => {
  try {
    const question = JSON.stringify({ cid });
    const answer = await system.request(`$SYS.REQ.SERVER.${server}.CONNZ`, question, { timeout: patience });
    const [found] = page.parse(answer.json()).data.connections;
    return found && { id: `${server} ${cid}`, address: found.ip, start: found.start, sent: found.in_msgs };
  } catch (error) {
    if (error instanceof RequestError && error.isNoResponders()) return undefined;
    if (error instanceof NoRespondersError) return undefined;
    throw error;
  }
};
