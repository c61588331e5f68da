import { jetstream } from '@nats-io/jetstream';
import { type NatsConnection, TimeoutError } from '@nats-io/transport-node';

/** Twice as often as a verdict may be late (R5), in milliseconds. */
const tickInterval = 500;
const tickTimeout = 2_000;
/** A broker that is merely busy answers late: so many ticks in a row may go unanswered before it counts as gone. */
const patience = 5;

/**
 * Publishes a tick into the lane twice a second, so that its time passes when nobody speaks. Ticks are not queued up
 * while the broker is away: their absence is how an outage shows (G1).
 *
 * @param stored told the sequence of each tick; one that is not above all before shows that the stream was replaced
 * @param failed told when the stream refuses a tick, or takes none any more
 */
export const startTicker = (
  nc: NatsConnection,
  subject: string,
  stored: (sequence: number) => void,
  failed: (error: Error) => void,
): { stop: () => void } => {
  const js = jetstream(nc, { timeout: tickTimeout });
  let underWay = false;
  let unanswered = 0;
  const tick = async () => {
    if (underWay || nc.isClosed()) return;
    underWay = true;
    try {
      stored((await js.publish(subject, undefined, { timeout: tickTimeout, retries: 1 })).seq);
      unanswered = 0;
    } catch (error) {
      if (error instanceof TimeoutError && ++unanswered < patience) return;
      failed(error instanceof Error ? error : new Error(String(error)));
    } finally {
      underWay = false;
    }
  };
  const timer = setInterval(() => void tick(), tickInterval);
  return { stop: () => clearInterval(timer) };
};
