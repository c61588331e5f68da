import { Inject } from '@nestjs/common';
import type { NatsConnection } from '@nats-io/transport-node';
import type { drizzle } from 'drizzle-orm/postgres-js';
import type { Logger } from 'pino';
import type { Lanes } from '#contracts';
import type { Database } from '#event-log';

/** What the controllers work with. */
export type ApiContext = {
  /** For facts and for hand-written SQL. */
  readonly db: Database;
  /** For queries that are put together at run time; it has a pool of its own, because drizzle changes how dates read. */
  readonly tables: ReturnType<typeof drizzle>;
  readonly nats: NatsConnection;
  readonly lanes: Lanes;
  readonly log: Logger;
  /** Administrator keys with their names. */
  readonly keys: ReadonlyMap<string, string>;
  /** Whether each role of this process works: `up`, or why not. */
  readonly checks: Readonly<Record<string, () => Promise<string>>>;
};

export const apiContext = Symbol('ApiContext');
/** Injects the {@link ApiContext}. */
export const Context = () => Inject(apiContext);
