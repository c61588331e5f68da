import { connect, type NatsConnection } from '@nats-io/transport-node';

/** A connection that knows whether it is one right now. */
export type Link = {
  readonly nats: NatsConnection;
  /** While this is false nothing is sent: a message that waits for the broker would be told as if it were new. */
  readonly isUp: () => boolean;
};

const reconnectWait = 500;
/** Agents that lost the broker together come back spread over this much more, in milliseconds. */
const reconnectJitter = 3_000;

/** Connects to the broker, however long it takes, and again whenever it goes away. */
export const openLink = async (
  server: string,
  name: string,
  told: (state: 'disconnected' | 'connected') => void,
): Promise<Link> => {
  const nats = await connect({
    servers: server,
    name,
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: reconnectWait,
    reconnectJitter,
    pingInterval: 10_000,
    maxPingOut: 2,
    ignoreClusterUpdates: true,
  });
  let up = true;
  const watch = async () => {
    for await (const { type } of nats.status()) {
      if (type === 'disconnect') {
        up = false;
        told('disconnected');
      } else if (type === 'reconnect') {
        up = true;
        told('connected');
      }
    }
  };
  void watch();
  return { nats, isUp: () => up && !nats.isClosed() };
};
