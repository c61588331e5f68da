import { Inject } from '@nestjs/common';
import type { NatsConnection } from '@nats-io/transport-node';
import type { drizzle } from 'drizzle-orm/postgres-js';
import type { Logger } from 'pino';
import type { Lanes } from '#contracts';
import type { EnrolmentContext } from '#enrolment';
import type { Database } from '#event-log';
import type { Access, Refusal } from './access/access.js';
import type { Checks } from './health/readiness.js';

/** What the controllers work with. */
export type ApiContext = {
  /** For facts and for hand-written SQL. */
  readonly db: Database;
  /** For queries that are put together at run time; it has a pool of its own, because drizzle changes how dates read. */
  readonly tables: ReturnType<typeof drizzle>;
  readonly nats: NatsConnection;
  readonly lanes: Lanes;
  readonly log: Logger;
  readonly access: Access;
  /** For how many days contacts are kept. */
  readonly contactDays: number;
  readonly checks: Checks;
  readonly metrics: MetricsSource;
  readonly observer: HttpObserver;
  /** Undefined where the broker lets everybody in. */
  readonly enrolment?: EnrolmentContext | undefined;
};

/** What a process can be asked about in the text format of Prometheus. */
export type MetricsSource = { readonly contentType: string; readonly read: () => Promise<string> };

/** A request that is answered. */
export type AnsweredHttpRequest = {
  readonly method: string;
  /** The pattern of its path; `none` when there is nothing at it. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
};

/** Hears of what the API does. Nothing it does may fail. */
export type HttpObserver = {
  readonly answered: (request: AnsweredHttpRequest) => void;
  /** A request without a right key. */
  readonly refused: (reason: Refusal) => void;
};

export const apiContext = Symbol('ApiContext');
/** Injects the {@link ApiContext}. */
export const Context = () => Inject(apiContext);
