import { JetStreamApiError, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Checks } from '#admin-api';
import { type Check, contactStream, type Lanes } from '#contracts';
import type { Database } from '#event-log';
import type { BrokerLink } from '#metrics';
import { away, starting, up } from './check.js';
import type { Role } from './config.js';
import { notYet } from './ingest/check-intake.js';

/** What a process is made of so far: it can be asked from its first moment on. */
export type Parts = {
  readonly db: Database;
  /** Undefined until the tables are there. */
  lanes: Lanes | undefined;
  broker: BrokerLink | undefined;
  /** Whether the broker asks nobody who he is. */
  isOpen: boolean;
  /** What the intake of this process says of itself. */
  intake: (() => Promise<Check>) | undefined;
  isResponding: boolean;
};

const streamTimeout = 1_000;

/** What `/readyz` asks: what the roles of this process need, and nothing else. */
export const checksOf = (roles: ReadonlySet<Role>, parts: Parts): Checks => ({
  database: () => checkDatabase(parts),
  broker: () => checkBroker(parts),
  ...(roles.has('ingest') || roles.has('respond') ? { stream: () => checkStream(parts) } : {}),
  ...(roles.has('ingest') ? { intake: () => checkIntake(parts) } : {}),
  ...(roles.has('respond') ? { responders: async () => checkResponders(parts) } : {}),
});

const checkDatabase = async ({ db, lanes }: Parts): Promise<Check> => {
  await db`SELECT 1`;
  return lanes ? up('The database answers.') : starting('The tables of the database are being brought up to date.');
};

export const openBroker =
  'The broker asks nobody who he is (REACHBACK_NATS_KEYS is not set): whoever reaches it can speak for any client.';

const checkBroker = async ({ broker, isOpen }: Parts): Promise<Check> => {
  if (!broker) return away('The broker has not been reached yet.');
  if (!broker.isConnected()) return away('The connection to the broker is lost.');
  await broker.nats.flush();
  return up(isOpen ? `The broker answers. ${openBroker}` : 'The broker answers.');
};

const checkStream = async ({ broker }: Parts): Promise<Check> => {
  if (!broker?.isConnected()) return away('The stream of contacts cannot be reached without the broker.');
  return (await isThere(broker.nats))
    ? up('The stream of contacts is there.')
    : away(`The stream ${contactStream.name} does not exist; a server with the role ingest makes it.`);
};

const isThere = async (nats: NatsConnection): Promise<boolean> => {
  try {
    await (await jetstreamManager(nats, { timeout: streamTimeout })).streams.info(contactStream.name);
    return true;
  } catch (error) {
    if (error instanceof JetStreamApiError) return false;
    throw error;
  }
};

const checkIntake = async ({ intake }: Parts): Promise<Check> => (intake ? intake() : notYet);

const checkResponders = ({ isResponding }: Parts): Check =>
  isResponding ? up('Requests are answered.') : starting('Requests are not answered yet.');
