import { createInbox, type Msg, type NatsConnection, type PublishOptions } from '@nats-io/transport-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

/** Publishes into a stream, and hears that it was stored. */
export type StreamPublisher = {
  /**
   * @returns the sequence under which it is stored
   * @throws when the stream does not take it, or has not answered in time
   */
  readonly publish: (subject: string, data: string, options?: Pick<PublishOptions, 'headers'>) => Promise<number>;
  /** Waits a moment for what is under way; of what then is not known to be stored, whoever waits is told. */
  readonly stop: () => Promise<void>;
};

/** In milliseconds. */
const patience = 5_000;
const lastPatience = 1_000;
const sweepInterval = 500;

/** A refusal has a sequence as well, 0. */
const receipt = z.union([
  z.object({ error: z.object({ description: z.string().optional() }) }),
  z.object({ seq: z.number() }),
]);

type Waiting = {
  readonly since: number;
  readonly resolve: (sequence: number) => void;
  readonly reject: (error: Error) => void;
};

/**
 * The client's own way makes a timer and an error, with its stack, for each message, in case that it is not answered: 7 % of a
 * busy server's time went that way. Here one timer looks after all.
 */
export const createStreamPublisher = (nats: NatsConnection): StreamPublisher => {
  const inbox = createInbox();
  /** By the last token of where the answer goes; in the order of sending. */
  const waiting = new Map<string, Waiting>();
  let sent = 0;
  const receive = (message: Msg): void => {
    const token = message.subject.slice(inbox.length + 1);
    const asked = waiting.get(token);
    if (!asked) return;
    waiting.delete(token);
    const answer = receiptOf(message);
    if (typeof answer === 'number') asked.resolve(answer);
    else asked.reject(answer);
  };
  const subscription = nats.subscribe(`${inbox}.*`, {
    callback: (error, message) => (error ? undefined : receive(message)),
  });
  const sweep = setInterval(() => {
    const since = performance.now() - patience;
    for (const [token, asked] of waiting) {
      if (asked.since > since) return;
      waiting.delete(token);
      asked.reject(new Error('The stream did not answer.'));
    }
  }, sweepInterval);
  return {
    publish: (subject, data, options) =>
      new Promise((resolve, reject) => {
        const token = String(sent++);
        nats.publish(subject, data, { ...options, reply: `${inbox}.${token}` });
        waiting.set(token, { since: performance.now(), resolve, reject });
      }),
    stop: async () => {
      const until = performance.now() + lastPatience;
      while (waiting.size > 0 && !nats.isClosed() && performance.now() < until) await sleep(10);
      clearInterval(sweep);
      subscription.unsubscribe();
      for (const { reject } of waiting.values()) reject(new Error('The server is stopping.'));
      waiting.clear();
    },
  };
};

/** The sequence, or why there is none. An answer without content comes from the broker: there is no such stream. */
const receiptOf = (message: Msg): number | Error => {
  if (message.data.length === 0) return new Error('No stream takes it.');
  try {
    const answer = receipt.parse(message.json());
    return 'error' in answer ? new Error(answer.error.description ?? 'It was refused.') : answer.seq;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
};
