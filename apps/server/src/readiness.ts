import { JetStreamApiError, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { askIngest, type Checks } from '#admin-api';
import { type Check, contactStream, type Lanes } from '#contracts';
import type { Database } from '#event-log';
import type { IntakeState, RecoveryProgress } from '#intake';
import type { BrokerLink } from '#metrics';
import type { Role } from './config.js';

/** What a process is made of so far: it can be asked from its first moment on. */
export type Parts = {
  readonly db: Database;
  /** Undefined until the tables are there. */
  lanes: Lanes | undefined;
  broker: BrokerLink | undefined;
  /** Whether the broker asks nobody who he is. */
  isOpen: boolean;
  /** What the intake of this process does with each lane. */
  intake: (() => ReadonlyMap<number, IntakeState>) | undefined;
  isResponding: boolean;
};

/** Further behind than this, in seconds, what the log says of who is there is old. */
const largestLag = 30;
const streamTimeout = 1_000;

const up = (detail: string): Check => ({ state: 'up', detail });
const starting = (detail: string): Check => ({ state: 'starting', detail });
const away = (detail: string): Check => ({ state: 'away', detail });

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

/** A process is judged by the lanes that it has. One that has none is good for nothing until others have them all. */
const checkIntake = async ({ intake, broker, lanes }: Parts): Promise<Check> => {
  if (!intake || !broker || !lanes) return starting('The intake waits for database and broker.');
  const own = [...intake()].filter(([, { name }]) => name !== 'standing-by');
  const checks = own.map(([lane, state]) => checkLane(lane, state));
  const judged = checks.find(({ state }) => state !== 'up') ?? checks[0];
  if (judged) return judged;
  const others = broker.isConnected() ? await askIngest({ nats: broker.nats, lanes }) : undefined;
  if (!others) return starting('This server has no lane yet, and not every lane has an owner that answers.');
  return { state: 'standing-by', detail: 'Other servers have all lanes; this one would follow them.' };
};

const checkLane = (lane: number, now: IntakeState): Check => {
  switch (now.name) {
    case 'starting':
      return starting(`Lane ${lane} is about to be taken.`);
    case 'recovering':
      return checkRecovery(lane, now.progress);
    case 'standing-by':
      return { state: 'standing-by', detail: `Lane ${lane} has another owner.` };
    case 'disk_full':
      return { state: 'disk_full', detail: `Lane ${lane} waits: the database has no room left on its disk.` };
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
  isResponding ? up('Requests are answered.') : starting('Requests are not answered yet.');
