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
import { contactStream, maxPayloadBytes } from '#contracts';

const nanos = (seconds: number): number => seconds * 1e9;

const streamNotFound: number = JetStreamApiCodes.StreamNotFound;

/** Room for headers beside the largest payload. */
const headerBytes = 1024;

const config = {
  name: contactStream.name,
  subjects: [...contactStream.subjects],
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.New,
  max_msg_size: maxPayloadBytes + headerBytes,
  // Only messages with a Nats-Msg-Id are remembered, for this long: enough for a retry, small beside the traffic.
  duplicate_window: nanos(10),
  num_replicas: 1,
} satisfies Partial<StreamConfig> & { name: string };

/** The stream of contacts, made if it is missing; an existing one keeps its messages. */
export const ensureContactStream = async (manager: JetStreamManager): Promise<StreamInfo> => {
  try {
    return await manager.streams.info(contactStream.name);
  } catch (error) {
    if (!(error instanceof JetStreamApiError && error.code === streamNotFound)) throw error;
    return manager.streams.add(config);
  }
};
