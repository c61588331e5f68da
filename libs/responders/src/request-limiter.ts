import { ReachbackError } from '#contracts';
import { contactLimit } from '#domain';

/** Counts each client's requests to this responder (G12). */
export type RequestLimiter = {
  /** @throws {ReachbackError} `rate_limited`, saying when to come back */
  readonly assertAdmitted: (clientId: string) => void;
};

export const createRequestLimiter = (now: () => number = Date.now): RequestLimiter => {
  const counts = new Map<string, number>();
  let windowEnd = 0;
  return {
    assertAdmitted: (clientId) => {
      if (now() >= windowEnd) {
        counts.clear();
        windowEnd = now() + contactLimit.window;
      }
      const count = (counts.get(clientId) ?? 0) + 1;
      counts.set(clientId, count);
      if (count <= contactLimit.contacts) return;
      const seconds = Math.ceil((windowEnd - now()) / 1000);
      throw new ReachbackError('rate_limited', `This client sends too much; wait ${seconds} s.`, seconds);
    },
  };
};
