import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { contactStream, createLanes } from '#contracts';
import { ensureContactStream } from '#intake';
import type { Stack } from '../system/stack.js';

/** Messages that are taken from it at a time. */
export const takeAtMost = 8_192;

/** Does something with a stream of contacts, which is made for it, and deleted when it is done. */
export const withContactStream = async <T>(
  { nats }: Stack,
  work: (manager: JetStreamManager) => Promise<T>,
): Promise<T> => {
  const manager = await jetstreamManager(nats);
  await ensureContactStream(nats, manager, createLanes(1));
  const result = await work(manager);
  await manager.streams.delete(contactStream.name);
  return result;
};
