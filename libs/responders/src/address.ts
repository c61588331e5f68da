import type { Msg } from '@nats-io/transport-node';
import { z } from 'zod';

/** What the broker adds to what crosses from the agents' account into the server's; what an agent puts there is lost. */
const header = 'Nats-Request-Info';
const info = z.object({ host: z.union([z.ipv4(), z.ipv6()]) });

/** Where the connection comes from that sent a message; null where the broker does not say. */
export const addressOf = (message: Msg): string | null => {
  const text = message.headers?.get(header);
  if (!text) return null;
  try {
    return info.parse(JSON.parse(text)).host;
  } catch {
    return null;
  }
};
