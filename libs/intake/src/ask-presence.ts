import type { NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';
import { type Lanes, subjects } from '#contracts';
import type { IngestRate } from './presence-replies.js';

const time = z.string().nullable();
const answer = z.object({
  lagSeconds: z.number(),
  perSecond: z.number(),
  clients: z.array(
    z.object({
      ordinal: z.number(),
      lastContactAt: time,
      lastHeartbeatAt: time,
      lastPollAt: time,
      offlineAt: time,
      clockSkewSeconds: z.number().nullable(),
    }),
  ),
});
export type OwnerAnswer = z.infer<typeof answer>;
type Exact = OwnerAnswer['clients'][number];

type Broker = { readonly nats: NatsConnection };

const ownerTimeout = 1_500;

/**
 * Asks the owner of a lane what only its memory knows exactly: last contacts, silence limits, the rate of intake.
 * Undefined while nobody owns the lane.
 */
export const askOwner = async (
  { nats }: Broker,
  lane: number,
  ordinals: readonly number[] = [],
): Promise<OwnerAnswer | undefined> => {
  try {
    const reply = await nats.request(subjects.presence(lane), JSON.stringify({ ordinals }), { timeout: ownerTimeout });
    return answer.parse(reply.json());
  } catch {
    return undefined;
  }
};

type Place = { readonly lane: number; readonly ordinal: number };

/** Asks the owners of these clients' lanes. A lane without an owner is not in the answer, and nor are its clients. */
export const askOwners = async (
  broker: Broker,
  clients: readonly Place[],
): Promise<ReadonlyMap<number, ReadonlyMap<number, Exact>>> => {
  const ordinals = new Map<number, number[]>();
  for (const { lane, ordinal } of clients) {
    const asked = ordinals.get(lane);
    if (asked) asked.push(ordinal);
    else ordinals.set(lane, [ordinal]);
  }
  const answers = await Promise.all(
    [...ordinals].map(async ([lane, asked]) => [lane, await askOwner(broker, lane, asked)] as const),
  );
  return new Map(
    answers.flatMap(([lane, owner]) =>
      owner ? [[lane, new Map(owner.clients.map((exact) => [exact.ordinal, exact]))] as const] : [],
    ),
  );
};

/** The intake as a whole: how far behind the worst lane is, and the rates' sum. Undefined while a lane has no owner. */
export const askIngest = async (broker: Broker & { readonly lanes: Lanes }): Promise<IngestRate | undefined> => {
  const owners = await Promise.all(broker.lanes.ids.map((lane) => askOwner(broker, lane)));
  const present = owners.filter((owner) => owner !== undefined);
  if (present.length < owners.length) return undefined;
  return {
    lagSeconds: Math.max(...present.map(({ lagSeconds }) => lagSeconds)),
    perSecond: present.reduce((sum, { perSecond }) => sum + perSecond, 0),
  };
};
