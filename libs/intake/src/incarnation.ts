import type { JetStreamManager, StreamInfo } from '@nats-io/jetstream';
import { contactStream, type FactData } from '#contracts';
import type { Watermark } from '#event-log';
import type { SourcePlace } from './source.js';

type ResetReason = FactData['lane-source-reset']['reason'];

/** How to go on reading: where, and whether the stream is another one than the one read before. */
export type Continuation = { readonly start: SourcePlace; readonly reset: ResetReason | undefined };

/**
 * Compares the stream with the one the watermark was taken from.
 *
 * JetStream acknowledges before it syncs: after a crash a stream may give a sequence number a second time, below our
 * watermark. It may also have been deleted and made anew. Reading on at the watermark would then skip messages in
 * silence; so the stream's creation time, its last sequence, and the arrival time of the message at the watermark must
 * all be what they were. In a rewound stream whatever arrived after the last message we took is new.
 *
 * Several lanes share the stream, and each reads a part of it, so between two messages of a lane there are sequences of
 * others. The invariant: the stream is purged up to the lowest watermark of all lanes, and the message there stays. So
 * whatever lane, its watermark is not below the first message, and the message at it is there to be compared. A first
 * message beyond the watermark's next is therefore none of our purges: what is missing may be the lane's, and is
 * reported. And a stream that was rewound to somewhere above a lane's watermark lost nothing that the lane had taken.
 */
export const compareIncarnation = async (
  manager: JetStreamManager,
  info: StreamInfo,
  watermark: Watermark,
): Promise<Continuation> => {
  const next = Number(watermark.sequence) + 1;
  if (watermark.created === null) return { start: { sequence: 1 }, reset: 'created' };
  if (info.created !== watermark.created) return { start: { sequence: 1 }, reset: 'recreated' };
  if (info.state.last_seq < next - 1 || (await wasReplaced(manager, info, watermark))) {
    return { start: { time: watermark.time + 1n }, reset: 'rewound' };
  }
  const lost = info.state.messages > 0 ? info.state.first_seq > next : info.state.last_seq >= next;
  return { start: { sequence: next }, reset: lost ? 'messages-lost' : undefined };
};

/** Whether the message at the watermark is another one than the one taken from there. */
const wasReplaced = async (manager: JetStreamManager, info: StreamInfo, watermark: Watermark): Promise<boolean> => {
  const sequence = Number(watermark.sequence);
  if (sequence === 0 || sequence < info.state.first_seq) return false;
  const message = await manager.streams.getMessage(contactStream.name, { seq: sequence });
  return message !== null && nanosOf(message.timestamp) !== watermark.time;
};

/** An RFC 3339 time with up to nine decimals, in nanoseconds since 1970. */
export const nanosOf = (timestamp: string): bigint => {
  const [whole = '', rest = ''] = timestamp.replace(/Z$/, '').split('.');
  return BigInt(Date.parse(`${whole}Z`)) * 1_000_000n + BigInt(rest.padEnd(9, '0').slice(0, 9));
};
