import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { contactStream, type Lanes, laneSubjects, laneTransform, maxMessageBytes } from '#contracts';

const nanos = (seconds: number): number => seconds * 1e9;

const streamNotFound: number = JetStreamApiCodes.StreamNotFound;

const config = {
  name: contactStream.name,
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.New,
  max_msg_size: maxMessageBytes,
  // Only messages with a Nats-Msg-Id are remembered, for this long: enough for a retry, small beside the traffic.
  duplicate_window: nanos(10),
  num_replicas: 1,
} satisfies Partial<StreamConfig> & { name: string };

/** The stream of contacts, made if it is missing; an existing one keeps its messages. */
export const ensureContactStream = async (
  nats: NatsConnection,
  manager: JetStreamManager,
  lanes: Lanes,
): Promise<StreamInfo> => {
  try {
    return await manager.streams.info(contactStream.name);
  } catch (error) {
    if (!(error instanceof JetStreamApiError && error.code === streamNotFound)) throw error;
    return manager.streams.add({ ...config, ...feedOf(lanes, canTransform(nats)) });
  }
};

/** What the stream stores, and under which subjects (ADR 0007). */
const feedOf = ({ count }: Lanes, transforms: boolean): Pick<StreamConfig, 'subjects' | 'subject_transform'> => {
  if (count === 1) return { subjects: [...contactStream.subjects] };
  const subjects = [...laneSubjects(transforms)];
  return transforms ? { subjects, subject_transform: laneTransform(count) } : { subjects };
};

/** Streams transform subjects from NATS 2.10 on. */
const canTransform = (nats: NatsConnection): boolean => {
  const [major = 0, minor = 0] = (nats.info?.version ?? '').split('.').map(Number);
  return major > 2 || (major === 2 && minor >= 10);
};
