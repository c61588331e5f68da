import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { subjects } from '#contracts';

/** Twice as often as a verdict may be late (R5), in milliseconds. */
const tickInterval = 500;
const tickTimeout = 2_000;

/**
 * Publishes a tick into the lane twice a second, so that its time passes when nobody speaks. Ticks are not queued up
 * while the broker is away: their absence is how an outage shows (G1).
 *
 * @param stored told the sequence of each tick; one that is not above all before shows that the stream was replaced
 * @param failed told when the stream did not take a tick
 */
export const startTicker = (
  nc: NatsConnection,
  stored: (sequence: number) => void,
  failed: (error: Error) => void,
): { stop: () => void } => {
  const js = jetstream(nc, { timeout: tickTimeout });
  let underWay = false;
  const tick = async () => {
    if (underWay || nc.isClosed()) return;
    underWay = true;
    try {
      stored((await js.publish(subjects.tick, undefined, { timeout: tickTimeout, retries: 1 })).seq);
    } catch (error) {
      failed(error instanceof Error ? error : new Error(String(error)));
    } finally {
      underWay = false;
    }
  };
  const timer = setInterval(() => void tick(), tickInterval);
  return { stop: () => clearInterval(timer) };
};
