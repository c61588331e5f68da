import { headers, type Msg, type NatsConnection, RequestError, TimeoutError } from '@nats-io/transport-node';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

/** Clients that beat, with a book of what the broker said it has stored. */
export type Beating = {
  /** Beats stored, by client. */
  readonly stored: ReadonlyMap<string, number>;
  /** How many beats nobody was there to hear, and were sent once more. */
  readonly unheard: () => number;
  /** Ends it once everything under way is answered; fails if anything was not. */
  readonly stop: () => Promise<void>;
};

export type BeatingOptions = {
  readonly ids: readonly string[];
  readonly interval: number;
  /** How long the broker may take to answer, in milliseconds. */
  readonly receiptTimeout?: number;
};

/** In milliseconds. */
const missedMoment = 250;
const mostTries = 3;

/** Beats for clients in turn, each every `interval` milliseconds, and asks the broker for a receipt each time. */
export const startBeating = (
  nats: NatsConnection,
  { ids, interval, receiptTimeout = 5_000 }: BeatingOptions,
): Beating => {
  const stored = new Map(ids.map((id) => [id, 0]));
  const underWay = new Set<Promise<void>>();
  let stopping = false;
  let failure: Error | undefined;
  let unheard = 0;
  /**
   * A broker that learns who is revoked may miss a moment, or take a message twice in it (docs/agent-protocol.md); once, what came
   * right after it was lost without a word. By its id it counts once.
   */
  const send = async (id: string): Promise<Msg> => {
    const options = { timeout: receiptTimeout, headers: headers() };
    options.headers.set('Nats-Msg-Id', randomUUID());
    for (let tries = 1; ; tries++) {
      try {
        return await nats.request(`reachback.v1.${id}.heartbeat`, '', options);
      } catch (error) {
        const isMissed = error instanceof RequestError && error.isNoResponders();
        const isLost = error instanceof TimeoutError && tries > 1;
        if (tries === mostTries || !(isMissed || isLost)) throw error;
        unheard++;
        await sleep(missedMoment);
      }
    }
  };
  const beat = async (id: string): Promise<void> => {
    const receipt = await send(id);
    if (!('seq' in receipt.json<object>())) throw new Error(`no receipt: ${receipt.string()}`);
    stored.set(id, (stored.get(id) ?? 0) + 1);
  };
  const step = 10;
  const atOnce = 100;
  const run = async (): Promise<void> => {
    const start = Date.now();
    for (let sent = 0; !stopping;) {
      const due = Math.floor(((Date.now() - start) / interval) * ids.length);
      // Who is late does not beat twice, and one who has much to send lets the others of this process have their turn.
      sent = Math.max(sent, due - ids.length);
      for (const until = Math.min(due, sent + atOnce); sent < until; sent++) {
        const task = beat(ids[sent % ids.length] ?? '')
          .catch((error: Error) => void (failure ??= error))
          .finally(() => underWay.delete(task));
        underWay.add(task);
      }
      await sleep(step);
    }
  };
  const running = run();
  return {
    stored,
    unheard: () => unheard,
    stop: async () => {
      stopping = true;
      await running;
      await Promise.all(underWay);
      if (failure) throw failure;
    },
  };
};
