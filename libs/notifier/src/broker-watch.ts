import type { NatsConnection } from '@nats-io/transport-node';

/** The connection to the broker is or was away: the silence of clients says nothing. */
export class BrokerAwayError extends Error {
  override readonly name = 'BrokerAwayError';
}

/** Within so long agents that lost the broker are back, in milliseconds: they spread their return over 3.5 s. */
export const returnTime = 5_000;

/** Knows whether there is a connection to the broker, since when, and how often it was lost. */
export class BrokerWatch {
  private up = true;
  private since = Date.now();
  private count = 0;

  constructor(nats: NatsConnection) {
    void this.watch(nats);
  }

  private async watch(nats: NatsConnection): Promise<void> {
    for await (const { type } of nats.status()) {
      if (type === 'disconnect') {
        this.up = false;
        this.count++;
      } else if (type === 'reconnect') {
        this.up = true;
        this.since = Date.now();
      }
    }
  }

  /** How often the connection was lost so far. */
  get losses(): number {
    return this.count;
  }

  /** For how long there has been a connection, in milliseconds; 0 while there is none. */
  upFor(): number {
    return this.up ? Date.now() - this.since : 0;
  }

  /** Whether there is a connection, and clients that lost theirs along with it have had time to come back. */
  get isSettled(): boolean {
    return this.up && (this.count === 0 || Date.now() - this.since >= returnTime);
  }
}
