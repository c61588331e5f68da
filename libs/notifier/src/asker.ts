import { type NatsConnection, RequestError, TimeoutError } from '@nats-io/transport-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { type NotifyReason, subjects } from '#contracts';
import { unlessAborted } from '#event-log';
import { BrokerAwayError, type BrokerWatch } from './broker-watch.js';
import { Limiter } from './limiter.js';

/** What became of one question. */
export type Answer = { readonly clientId: string; readonly askedAt: Date; readonly answered: boolean };

/** Hears of every question and of what became of it. Nothing it does may fail. */
export type NotifierObserver = {
  readonly asked: (reason: NotifyReason) => void;
  /** `interrupted` when the connection was lost meanwhile, and silence says nothing. */
  readonly settled: (reason: NotifyReason, outcome: 'answered' | 'unanswered' | 'interrupted') => void;
};

export type AskerOptions = {
  readonly nats: NatsConnection;
  readonly observer: NotifierObserver;
  readonly broker: BrokerWatch;
  /** How long an answer is waited for, in milliseconds. */
  readonly timeout: number;
  /** Questions under way at most. */
  readonly underWay: number;
  readonly signal: AbortSignal;
};

/** Asks clients for an answer, many at once; each has its own time, so that a silent one delays nobody. */
export class Asker {
  private readonly limiter: Limiter;

  constructor(private readonly options: AskerOptions) {
    this.limiter = new Limiter(options.underWay, options.signal);
  }

  /**
   * Finds room for `room` questions, has `read` say whom to ask, and asks them. The room comes first, so that nobody is
   * asked by what was read long ago: who has become unreachable meanwhile gets nothing (R17).
   *
   * @returns what was read, and the answers, which fail with {@link BrokerAwayError} when the connection was lost, and
   * when the asker is stopped
   */
  async askPage<P extends { readonly clients: readonly string[] }>(
    room: number,
    reasonOf: (clientId: string) => NotifyReason,
    read: () => Promise<P>,
  ): Promise<{ readonly page: P; readonly answers: Promise<readonly Answer[]> }> {
    await this.limiter.take(room);
    let unused = room;
    try {
      this.options.signal.throwIfAborted();
      const page = await read();
      const asked = page.clients.map((clientId) => {
        unused--;
        return this.ask(clientId, reasonOf(clientId)).finally(() => this.limiter.give(1));
      });
      return { page, answers: unlessAborted(this.options.signal, Promise.all(asked)) };
    } finally {
      this.limiter.give(unused);
    }
  }

  private async ask(clientId: string, reason: NotifyReason): Promise<Answer> {
    const { broker, observer } = this.options;
    if (!broker.isSettled) throw new BrokerAwayError();
    const { losses } = broker;
    const askedAt = new Date();
    observer.asked(reason);
    try {
      await (reason === 'verify' ? this.requestTwice(clientId, reason) : this.request(clientId, reason));
      observer.settled(reason, 'answered');
      return { clientId, askedAt, answered: true };
    } catch (error) {
      const isAnswer = isSilence(error) && broker.losses === losses;
      observer.settled(reason, isAnswer ? 'unanswered' : 'interrupted');
      if (!isSilence(error)) throw error;
      if (!isAnswer) throw new BrokerAwayError();
      return { clientId, askedAt, answered: false };
    }
  }

  private async request(clientId: string, reason: NotifyReason, timeout = this.options.timeout): Promise<void> {
    await this.options.nats.request(subjects.agent(clientId, 'notify'), JSON.stringify({ reason }), { timeout });
  }

  /**
   * A second time when half of the time is over. A broker that learns who is revoked forgets whom the answers under way
   * are for (all versions up to 2.15), and nobody's silence shall be told of him for that.
   */
  private async requestTwice(clientId: string, reason: NotifyReason): Promise<void> {
    const { timeout } = this.options;
    const settled = new AbortController();
    const first = this.request(clientId, reason).finally(() => settled.abort());
    const second = sleep(timeout / 2, undefined, { signal: settled.signal, ref: false }).then(() =>
      this.request(clientId, reason, timeout / 2),
    );
    // Either answer will do; of failures the first's.
    await Promise.any([first, second]).catch(() => first);
  }
}

/** No answer in time, or, at once, nobody there to give one. */
const isSilence = (error: unknown): boolean =>
  error instanceof TimeoutError || (error instanceof RequestError && error.isNoResponders());
