import { z } from 'zod';
import { subjects } from '#contracts';
import type { ApiContext } from './context.js';

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

const ownerTimeout = 1_500;

/**
 * Asks the owner of the lane what only its memory knows exactly: last contacts, silence limits, the rate of intake.
 * Undefined while nobody owns the lane.
 */
export const askOwner = async (
  { nats, lane }: ApiContext,
  ordinals: readonly number[],
): Promise<OwnerAnswer | undefined> => {
  try {
    const reply = await nats.request(subjects.presence(lane), JSON.stringify({ ordinals }), { timeout: ownerTimeout });
    return answer.parse(reply.json());
  } catch {
    return undefined;
  }
};
