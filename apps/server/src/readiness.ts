import { JetStreamApiError, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Checks } from '#admin-api';
import { type Check, contactStream } from '#contracts';
import type { Database } from '#event-log';
import type { IntakeState, RecoveryProgress } from '#intake';
import type { BrokerLink } from '#metrics';
import type { Role } from './config.js';

/** What a process is made of so far: it can be asked from its first moment on. */
export type Parts = {
  readonly db: Database;
  isMigrated: boolean;
  broker: BrokerLink | undefined;
  /** What the intake of each lane is doing, by lane. */
  readonly intakes: Map<number, () => IntakeState>;
  isResponding: boolean;
};

/** Further behind than this, in seconds, what the log says of who is there is old. */
const largestLag = 30;
const streamTimeout = 1_000;

const up = (detail: string): Check => ({ state: 'up', detail });
const away = (detail: string): Check => ({ state: 'away', detail });

/** What `/readyz` asks: what the roles of this process need, and nothing else. */
export const checksOf = (roles: ReadonlySet<Role>, parts: Parts): Checks => ({
  database: () => checkDatabase(parts),
  broker: () => checkBroker(parts),
  ...(roles.has('ingest') || roles.has('respond') ? { stream: () => checkStream(parts) } : {}),
  ...(roles.has('ingest') ? { intake: async () => checkIntakes(parts) } : {}),
  ...(roles.has('respond') ? { responders: async () => checkResponders(parts) } : {}),
});

const checkDatabase = async ({ db, isMigrated }: Parts): Promise<Check> => {
  await db`SELECT 1`;
  return isMigrated
    ? up('The database answers.')
    : { state: 'starting', detail: 'The tables of the database are being brought up to date.' };
};

const checkBroker = async ({ broker }: Parts): Promise<Check> => {
  if (!broker) return away('The broker has not been reached yet.');
  if (!broker.isConnected()) return away('The connection to the broker is lost.');
  await broker.nats.flush();
  return up('The broker answers.');
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

const checkIntakes = ({ intakes }: Parts): Check => {
  const checks = [...intakes].map(([lane, stateOf]) => checkIntake(lane, stateOf()));
  const fault = checks.find(({ state }) => state !== 'up' && state !== 'standing-by');
  return fault ?? checks[0] ?? { state: 'starting', detail: 'The intake waits for database and broker.' };
};

const checkIntake = (lane: number, now: IntakeState): Check => {
  switch (now.name) {
    case 'starting':
      return { state: 'starting', detail: `Lane ${lane} is about to be taken.` };
    case 'recovering':
      return checkRecovery(lane, now.progress);
    case 'standing-by':
      return { state: 'standing-by', detail: `Lane ${lane} has another owner; this server would follow it.` };
    case 'owning': {
      const lag = Math.round(now.lagSeconds());
      const isBehind = lag > largestLag;
      return { state: isBehind ? 'behind' : 'up', detail: `Lane ${lane} is ${lag} s behind the broker.` };
    }
  }
};

const checkRecovery = (lane: number, { since, from, at, to, facts, contacts }: Readonly<RecoveryProgress>): Check => {
  const replayed = Number(at - from);
  const of = Number(to - from);
  const eta = replayed > 0 ? ((Date.now() - since) / replayed) * (of - replayed) : undefined;
  const etaSeconds = eta === undefined ? null : Math.ceil(eta / 1000);
  const togo = etaSeconds === null ? '' : `; about ${etaSeconds} s to go`;
  return {
    state: 'recovering',
    detail: `Lane ${lane} is recovering: ${replayed} of ${of} positions of the log are replayed${togo}.`,
    recovery: { replayed, of, facts, contacts, etaSeconds },
  };
};

const checkResponders = ({ isResponding }: Parts): Check =>
  isResponding ? up('Requests are answered.') : { state: 'starting', detail: 'Requests are not answered yet.' };
