import { headers, type NatsConnection, type PublishOptions } from '@nats-io/transport-node';
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { type Lanes, ReachbackError, subjects } from '#contracts';
import { type AgentRequest, messageIdHeader } from './request.js';
import { createStreamPublisher } from './stream-publisher.js';

/** How long a connecting client waits for its status, in milliseconds; its contact is stored all the same. */
const statusWait = 2_000;

const committed = z.object({ sequence: z.string() });

/** A contact in the stream. */
export type Passed = { readonly lane: number; readonly sequence: number };

/** Passes contacts that came as requests on to the client's lane, where presence is decided. */
export type Relay = {
  /** Stores the contact in the stream. */
  readonly pass: (request: AgentRequest) => Promise<Passed>;
  /** Has the contact stored, as one that an agent publishes is: nobody waits to hear that it was. */
  readonly note: (request: AgentRequest) => void;
  /** Waits until the lane's owner has committed it, or for two seconds. */
  readonly untilCommitted: (passed: Passed) => Promise<void>;
  readonly stop: () => Promise<void>;
};

/**
 * @param secret what the servers of an installation share with no agent. All that the stream stores has its message ids in
 *   common: whoever could tell which one a neighbour's poll will get could send something under it before, and the poll
 *   would be taken for a repetition of that.
 */
export const createRelay = (nats: NatsConnection, lanes: Lanes, secret: Uint8Array): Relay => {
  const messageIdOf = ({ clientId, kind, identity }: AgentRequest): string =>
    createHmac('sha256', secret).update(`${clientId}.${kind}.${identity.id}`).digest('base64url');
  /** By which the broker tells that a request comes again. */
  const optionsOf = (request: AgentRequest): Pick<PublishOptions, 'headers'> => {
    if (!request.identity.isUnique) return {};
    const h = headers();
    h.set(messageIdHeader, messageIdOf(request));
    return { headers: h };
  };
  const stream = createStreamPublisher(nats);
  let waiters: (Passed & { readonly resolve: () => void })[] = [];
  /** The last sequence that each lane has committed. */
  const last = new Map<number, number>();
  const isCommitted = ({ lane, sequence }: Passed): boolean => sequence <= (last.get(lane) ?? 0);
  const subscription = nats.subscribe(subjects.allCommitted, {
    callback: (error, message) => {
      if (error) return;
      const lane = Number(message.subject.split('.').at(-1));
      last.set(lane, Number(committed.parse(message.json()).sequence));
      const due = waiters.filter(isCommitted);
      waiters = waiters.filter((waiter) => !isCommitted(waiter));
      for (const { resolve } of due) resolve();
    },
  });
  return {
    pass: async (request) => {
      const { clientId, kind } = request;
      try {
        const subject = lanes.relayed(clientId, kind);
        const sequence = await stream.publish(subject, contactOf(request), optionsOf(request));
        return { lane: lanes.of(clientId), sequence };
      } catch {
        throw new ReachbackError('unavailable', 'The contact could not be stored; try again.', 5);
      }
    },
    note: (request) => {
      if (nats.isClosed()) return;
      const { clientId, kind } = request;
      nats.publish(lanes.relayed(clientId, kind), contactOf(request), optionsOf(request));
    },
    untilCommitted: (passed) =>
      new Promise((resolve) => {
        if (isCommitted(passed)) return resolve();
        const waiter = {
          ...passed,
          resolve: () => {
            clearTimeout(timer);
            resolve();
          },
        };
        const timer = setTimeout(() => {
          waiters = waiters.filter((other) => other !== waiter);
          resolve();
        }, statusWait);
        waiters.push(waiter);
      }),
    stop: async () => {
      await stream.stop();
      subscription.unsubscribe();
    },
  };
};

/** What presence needs of a request, and what ties its conclusions to it. */
const contactOf = ({ payload, correlation }: AgentRequest): string => {
  const ips = 'ips' in payload ? payload.ips : undefined;
  const time = 'time' in payload ? payload.time : undefined;
  return JSON.stringify({ ips, time, correlation });
};
