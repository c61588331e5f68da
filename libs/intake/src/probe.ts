import { jetstream, type JetStreamManager } from '@nats-io/jetstream';
import { type NatsConnection, RequestError } from '@nats-io/transport-node';
import { contactStream, type Lanes, laneMappings, subjects } from '#contracts';

/** No client can have an id with a `$`. */
const probePrefix = '$probe-';

/** A message by which a server looked whether the broker puts it into the lane that it should. */
export const isProbe = (subject: string): boolean => subject.includes(`.${probePrefix}`);

/** What agents publish does not arrive where the lane's owner reads: the broker is not set up for these lanes. */
export class LanesNotMappedError extends Error {
  override readonly name = 'LanesNotMappedError';

  constructor(lanes: Lanes, subject: string, found: string) {
    super(
      `A message to ${subject} ${found}. With ${lanes.count} lanes the stream ${contactStream.name} must transform ` +
        `subjects (NATS 2.10 and later; a stream that was made before, or for another number of lanes, must be deleted ` +
        `when it is empty), or the account must map them: mappings = { ` +
        laneMappings(lanes.count)
          .map(([from, to]) => `"${from}": "${to}"`)
          .join(', ') +
        ' }',
    );
  }
}

/**
 * Publishes as a client of the lane would, and looks under which subject the stream has it: whether what its clients
 * publish reaches the lane, and whether the broker counts lanes as we do. With one lane there is nothing to look for.
 *
 * @throws {LanesNotMappedError}
 */
export const assertMapped = async (
  nats: NatsConnection,
  manager: JetStreamManager,
  lanes: Lanes,
  lane: number,
): Promise<void> => {
  const filter = lanes.filter(lane);
  if (filter === undefined) return;
  const subject = subjects.agent(probeOf(lanes, lane), 'heartbeat');
  const sequence = await publish(nats, subject);
  if (sequence === undefined) throw new LanesNotMappedError(lanes, subject, 'is stored by no stream');
  const stored = (await manager.streams.getMessage(contactStream.name, { seq: sequence }))?.subject;
  // Gone is read: the lane's owner before this one has it behind it, and the stream was purged.
  if (stored === undefined || stored.startsWith(filter.slice(0, -1))) return;
  throw new LanesNotMappedError(lanes, subject, `is stored as ${stored}`);
};

const probeOf = (lanes: Lanes, lane: number): string => {
  for (let i = 0; ; i++) if (lanes.of(`${probePrefix}${i}`) === lane) return `${probePrefix}${i}`;
};

const publish = async (nats: NatsConnection, subject: string): Promise<number | undefined> => {
  try {
    return (await jetstream(nats, { timeout: 3_000 }).publish(subject, undefined, { retries: 1 })).seq;
  } catch (error) {
    if (isNobodyThere(error)) return undefined;
    throw error;
  }
};

/** No stream takes the subject: the client says that JetStream is not enabled, and keeps the reason as the cause. */
const isNobodyThere = (error: unknown): boolean =>
  error instanceof Error && error.cause instanceof RequestError && error.cause.isNoResponders();
