import type { Check, Lanes } from '#contracts';
import { askIngest, type IntakeState, type RecoveryProgress } from '#intake';
import type { BrokerLink } from '#metrics';
import { away, starting } from '../check.js';

/** Further behind than this, in seconds, what the log says of who is there is old. */
const largestLag = 30;

/** What a process says of its intake before that has begun. */
export const notYet = starting('The intake waits for database and broker.');

export type IntakeParts = {
  /** What the intake of this process does with each lane. */
  readonly states: ReadonlyMap<number, IntakeState>;
  readonly broker: BrokerLink;
  readonly lanes: Lanes;
};

/**
 * A process is judged by the lanes that it has. One that has none is good for nothing until others have them all. The intake
 * has a connection of its own, where it has a thread, that may come back later than the server's.
 */
export const checkIntake = async ({ states, broker, lanes }: IntakeParts): Promise<Check> => {
  const own = [...states].filter(([, { name }]) => name !== 'standing-by');
  const checks = own.map(([lane, state]) => checkLane(lane, state));
  const judged = checks.find(({ state }) => state !== 'up') ?? checks[0];
  const isWorking = judged === undefined || judged.state === 'up';
  if (isWorking && !broker.isConnected()) return away('The intake has lost its connection to the broker.');
  if (judged) return judged;
  const others = await askIngest({ nats: broker.nats, lanes });
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
