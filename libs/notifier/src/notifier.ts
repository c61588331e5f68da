import { setMaxListeners } from 'node:events';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import type { Lanes } from '#contracts';
import { type Database, Wake } from '#event-log';
import { runFollower } from '#projections';
import { Asker, type NotifierObserver } from './asker.js';
import { BrokerWatch, returnTime } from './broker-watch.js';
import { keepLooking, type LookingOptions, reportTo } from './keep-looking.js';
import { notifications, notifierChannel } from './record-changes.js';
import { defaultTimes, maxUnderWay, type Times } from './rules.js';
import { DueTeller } from './tell-due.js';
import { RoundTeller } from './tell-rounds.js';
import { Verifier } from './verification/verifier.js';

export type NotifierOptions = {
  readonly db: Database;
  readonly nats: NatsConnection;
  readonly lanes: Lanes;
  readonly log: Logger;
  readonly observer: NotifierObserver;
  /** Where they are not to be the default ones. */
  readonly times?: Partial<Times>;
};

/**
 * Tells direct clients what has changed for them (R18), and asks them whether they are there (R19); never an
 * unreachable one (R17). Any number of processes may do so: they share the work, and go on with that of one that died.
 */
export const startNotifier = (options: NotifierOptions): { readonly stop: () => Promise<void> } => {
  const { db, nats, lanes, log, observer } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  // Every page that is being asked listens for it, and there may be many at a time.
  setMaxListeners(0, signal);
  const failed = reportTo(log, signal);
  const broker = new BrokerWatch(nats);
  const times = { ...defaultTimes, ...options.times };
  const newAsker = () =>
    new Asker({ nats, broker, observer, timeout: times.answerTimeout, underWay: maxUnderWay, signal });
  const telling = { db, asker: newAsker(), times, failed };
  const rounds = new RoundTeller(telling);
  const due = new DueTeller(telling);
  const verifier = new Verifier({
    db,
    nats,
    lanes,
    // Its own, so that a verification of many silent clients takes no room from notifications.
    asker: newAsker(),
    lease: times.lease,
    isMeaningful: () => broker.upFor() >= returnTime,
    failed,
  });
  const follower = runFollower({ db, follower: notifications, log });
  const wakes = { rounds: new Wake(), due: new Wake() };
  const listening = db
    .listen(notifierChannel, () => {
      wakes.rounds.now();
      wakes.due.now();
    })
    .catch(() => undefined);
  const keep = (look: LookingOptions['look'], wake: Wake) =>
    keepLooking({ look, wake, interval: times.lookInterval, failed, signal });
  const looking = [
    keep(() => rounds.look(), wakes.rounds),
    keep(() => due.look(), wakes.due),
    keep(() => verifier.look(), new Wake()),
  ];
  return {
    stop: async () => {
      stopping.abort();
      await follower.stop();
      await Promise.all(looking);
      await Promise.all([rounds.idle(), due.idle(), verifier.idle()]);
      await listening.then((subscription) => subscription?.unlisten()).catch(() => undefined);
    },
  };
};
