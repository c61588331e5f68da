import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import type { Database } from '#event-log';
import { runFollower } from '#projections';
import { Asker } from './asker.js';
import { BrokerWatch, returnTime } from './broker-watch.js';
import { keepLooking, reportTo, Wake } from './keep-looking.js';
import { notifications, notifierChannel } from './record-changes.js';
import { answerTimeout, maxUnderWay, retryInterval } from './rules.js';
import { DueTeller } from './tell-due.js';
import { RoundTeller } from './tell-rounds.js';
import { Verifier } from './verification/verifier.js';

export type NotifierOptions = {
  readonly db: Database;
  readonly nats: NatsConnection;
  readonly lane: number;
  readonly log: Logger;
  /** Milliseconds until an unanswered notification is sent again; as R18 says by default. */
  readonly retryInterval?: number;
  /** Milliseconds that an answer is waited for; five seconds by default. */
  readonly answerTimeout?: number;
};

/**
 * Tells direct clients what has changed for them (R18), and asks them whether they are there (R19); never an unreachable
 * one (R17). Any number of processes may do
 * so: they share the work, and go on with that of one that has died.
 */
export const startNotifier = (options: NotifierOptions): { readonly stop: () => Promise<void> } => {
  const { db, nats, lane, log } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const failed = reportTo(log, signal);
  const broker = new BrokerWatch(nats);
  const timeout = options.answerTimeout ?? answerTimeout;
  const newAsker = () => new Asker({ nats, broker, timeout, underWay: maxUnderWay, signal });
  const telling = { db, asker: newAsker(), retryInterval: options.retryInterval ?? retryInterval, failed };
  const rounds = new RoundTeller(telling);
  const due = new DueTeller(telling);
  const verifier = new Verifier({
    db,
    nats,
    lane,
    // Its own, so that a verification of many silent clients takes no room from notifications.
    asker: newAsker(),
    isMeaningful: () => broker.upFor() >= returnTime,
    failed,
  });
  const follower = runFollower({ db, follower: notifications, lane, log });
  const wakes = { rounds: new Wake(), due: new Wake() };
  const listening = db
    .listen(notifierChannel, () => {
      wakes.rounds.now();
      wakes.due.now();
    })
    .catch(() => undefined);
  const looking = [
    keepLooking(() => rounds.look(), wakes.rounds, failed, signal),
    keepLooking(() => due.look(), wakes.due, failed, signal),
    keepLooking(() => verifier.look(), new Wake(), failed, signal),
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
