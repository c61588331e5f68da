import type { NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';

/** So many connections a message: some 1.3 KB each. */
const pageSize = 4_096;
/** In milliseconds: how long the first broker may take to answer, and the others of a cluster after it. */
const patience = 10_000;
const stall = 500;

const page = z.object({
  data: z.object({
    total: z.number(),
    connections: z.array(z.object({ jwt: z.string().default('') })).default([]),
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
 * How many connections each key has in an account, on all brokers of the cluster.
 *
 * @throws when no broker answers
 */
export const readConnections = async (system: NatsConnection, account: string): Promise<Map<string, number>> => {
  const counts = new Map<string, number>();
  for (let offset = 0, isMore = true; isMore; offset += pageSize) {
    isMore = false;
    for (const { total, connections } of await askAll(system, account, offset)) {
      for (const { jwt } of connections) {
        const key = keyOf(jwt);
        if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      isMore ||= total > offset + pageSize;
    }
  }
  return counts;
};

const askAll = async (system: NatsConnection, account: string, offset: number) => {
  const question = JSON.stringify({ auth: true, limit: pageSize, offset });
  const subject = `$SYS.REQ.ACCOUNT.${account}.CONNZ`;
  const answers = await system.requestMany(subject, question, { strategy: 'stall', maxWait: patience, stall });
  const pages: z.infer<typeof page>['data'][] = [];
  for await (const answer of answers) pages.push(page.parse(answer.json()).data);
  if (pages.length === 0) throw new Error('The broker does not say who is connected.');
  return pages;
};
