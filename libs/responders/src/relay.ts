import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';
import { ReachbackError, subjects } from '#contracts';
import type { AgentRequest } from './request.js';

const relayTimeout = 5_000;
/** How long a connecting client waits for its status, in milliseconds; its contact is stored all the same. */
const statusWait = 2_000;

const committed = z.object({ sequence: z.string() });

/** Passes contacts that came as requests on to the lane, where presence is decided. */
export type Relay = {
  /** Stores the contact in the stream; the sequence it got. */
  readonly pass: (request: AgentRequest) => Promise<number>;
  /** Waits until the lane's owner has committed a sequence, or for two seconds. */
  readonly untilCommitted: (sequence: number) => Promise<void>;
  readonly stop: () => void;
};

export const createRelay = (nats: NatsConnection, lane: number): Relay => {
  const js = jetstream(nats, { timeout: relayTimeout });
  let waiters: { readonly sequence: number; readonly resolve: () => void }[] = [];
  let last = 0;
  const subscription = nats.subscribe(subjects.committed(lane), {
    callback: (error, message) => {
      if (error) return;
      last = Number(committed.parse(message.json()).sequence);
      const due = waiters.filter((waiter) => waiter.sequence <= last);
      waiters = waiters.filter((waiter) => waiter.sequence > last);
      for (const { resolve } of due) resolve();
    },
  });
  return {
    pass: async (request) => {
      const { clientId, kind, identity } = request;
      const options = identity.isUnique ? { msgID: `relay.${clientId}.${kind}.${identity.id}` } : {};
      try {
        return (await js.publish(subjects.relayed(clientId, kind), contactOf(request), options)).seq;
      } catch {
        throw new ReachbackError('unavailable', 'The contact could not be stored; try again.', 5);
      }
    },
    untilCommitted: (sequence) =>
      new Promise((resolve) => {
        if (sequence <= last) return resolve();
        const waiter = {
          sequence,
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
    stop: () => subscription.unsubscribe(),
  };
};

/** What presence needs of a request, and what ties its conclusions to it. */
const contactOf = ({ payload, correlation }: AgentRequest): string => {
  const ips = 'ips' in payload ? payload.ips : undefined;
  const time = 'time' in payload ? payload.time : undefined;
  return JSON.stringify({ ips, time, correlation });
};
