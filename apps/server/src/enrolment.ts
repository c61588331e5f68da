import { connect, credsAuthenticator } from '@nats-io/transport-node';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Lanes } from '#contracts';
import { type EnrolmentContext, keepRevocations } from '#enrolment';
import type { Database } from '#event-log';
import { type Authority, credentialFiles } from '#identity';
import type { Config } from './config.js';

export type EnrolmentOptions = {
  readonly config: Config;
  /** The folder that the authority's keys are in. */
  readonly keys: string;
  readonly authority: Authority;
  readonly db: Database;
  readonly lanes: Lanes;
  readonly log: Logger;
};

/** Lets agents in and keeps out whom it must: issues credentials, and keeps the broker knowing who is revoked. */
export const startEnrolment = async (
  options: EnrolmentOptions,
): Promise<{ readonly context: EnrolmentContext; readonly stop: () => Promise<void> }> => {
  const { config, keys, authority, db, lanes, log } = options;
  const system = await connect({
    servers: config.REACHBACK_NATS_URL,
    name: 'reachback-server system',
    authenticator: credsAuthenticator(await readFile(join(keys, credentialFiles.system))),
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    pingInterval: 5_000,
    maxPingOut: 2,
  });
  const revocations = keepRevocations({ db, authority, system, log });
  return {
    context: { db, lanes, authority, lifetime: config.REACHBACK_CREDENTIAL_LIFETIME, revocations },
    stop: async () => {
      await revocations.stop();
      await system.close();
    },
  };
};
