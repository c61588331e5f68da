import { AckPolicy, DeliverPolicy, type JetStreamManager, ReplayPolicy } from '@nats-io/jetstream';
import { createInbox, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import { contactStream, isReply } from '#contracts';
import { DeliveryReader } from './delivery.js';

/** A message of the stream, in the stream's order. */
export type SourceMessage = {
  readonly sequence: number;
  /** When the broker stored it, in nanoseconds since 1970. */
  readonly time: bigint;
  readonly subject: string;
  readonly data: Uint8Array;
  /** Somebody's answer, led to where agents send. */
  readonly isReply?: boolean;
};

/** Messages asked for at a time; the next are asked for when half are there. */
const pullSize = 8_192;
/** While this many wait to be processed, no more are asked for. */
const highWater = 32_768;
const pullSeconds = 30;
/**
 * Milliseconds from one request to the next at least, where the broker has given all it has. Each delivery and each
 * transaction costs all parts as much as dozens of beats, and of a busy stream there would be one for every few of them.
 */
const pullPause = 40;
/** The broker says at least this often that it is there; twice missed, the consumer is taken for dead. */
const heartbeatSeconds = 2;

export type SourcePlace = { readonly sequence: number } | { readonly time: bigint };
/** Where to begin, and which subjects to read, if not all. */
export type SourceStart = SourcePlace & { readonly filter?: string | undefined };

/**
 * Reads the stream in order from a sequence on, acknowledging nothing: the place is kept in Postgres, with the data.
 *
 * The consumer is an ephemeral one that numbers its deliveries; a number missing means that a message got lost on its
 * way, whether it reads all subjects or some; and whatever is odd (that, a consumer gone, silence of the broker) ends the source. The owner then checks the
 * stream's incarnation and opens another one at its watermark, so nothing is skipped and nothing read twice.
 */
export class Source {
  private queue: SourceMessage[] = [];
  private subscription: Subscription | undefined;
  private inbox = '';
  private nextDelivery = 1;
  private outstanding = 0;
  private lastPull = -Infinity;
  private nextPull: NodeJS.Timeout | undefined;
  private lastHeard = Date.now();
  private failure: Error | undefined;
  private wake: (() => void) | undefined;
  /** Whether what has arrived may be taken. */
  private isReady = false;
  private watchdog: NodeJS.Timeout | undefined;
  private readonly deliveries: DeliveryReader;
  /** Messages the broker holds beyond those delivered. */
  pending = 0;
  lastSequence = 0;

  private constructor(
    private readonly nc: NatsConnection,
    private readonly consumer: string,
    /** The stream's sequence before the first message to come. */
    readonly startsAfter: number,
  ) {
    this.deliveries = new DeliveryReader(consumer);
  }

  static async open(nc: NatsConnection, manager: JetStreamManager, { filter, ...start }: SourceStart): Promise<Source> {
    const info = await manager.consumers.add(contactStream.name, {
      ack_policy: AckPolicy.None,
      replay_policy: ReplayPolicy.Instant,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: 60e9,
      ...(filter === undefined ? {} : { filter_subject: filter }),
      ...('sequence' in start
        ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: start.sequence }
        : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: formatNanos(start.time) }),
    });
    const source = new Source(nc, info.name, info.delivered.stream_seq);
    source.listen();
    return source;
  }

  /** The messages that have arrived, at most `limit`; waits for one. Throws what ended the source. */
  async take(limit: number): Promise<readonly SourceMessage[]> {
    while (!this.isReady || this.queue.length === 0) {
      if (this.failure) throw this.failure;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.takeArrived(limit);
  }

  /** Whether the broker has more than it was asked for. */
  private get isBehind(): boolean {
    return this.pending > this.outstanding;
  }

  /** The messages that have arrived, at most `limit`, perhaps none. Throws what ended the source. */
  takeArrived(limit: number): readonly SourceMessage[] {
    if (this.failure && this.queue.length === 0) throw this.failure;
    const taken = this.queue.length <= limit ? this.queue : this.queue.slice(0, limit);
    this.queue = this.queue.length <= limit ? [] : this.queue.slice(limit);
    this.isReady = this.queue.length > 0;
    this.pull();
    return taken;
  }

  /** Messages that are still to be taken, here and in the broker. */
  get backlog(): number {
    return this.pending + this.queue.length;
  }

  /** Ends the source; a `take` that waits throws. */
  end(reason: Error): void {
    this.failure ??= reason;
    clearInterval(this.watchdog);
    clearTimeout(this.nextPull);
    this.subscription?.unsubscribe();
    this.wake?.();
  }

  private listen(): void {
    this.inbox = createInbox();
    this.subscription = this.nc.subscribe(this.inbox, {
      callback: (error, message) => (error ? this.end(error) : this.receive(message)),
    });
    this.watchdog = setInterval(() => {
      // It has nothing to say while nothing is asked for, because what came has not been processed.
      if (this.outstanding > 0 && Date.now() - this.lastHeard > 2 * heartbeatSeconds * 1000 + 500)
        this.end(new Error('The broker fell silent.'));
    }, 500);
    this.pull();
  }

  private pull(): void {
    if (this.failure || this.queue.length > highWater) return;
    if (this.outstanding > (this.isBehind ? pullSize / 2 : 0)) return;
    if (this.nextPull || this.waitForMore()) return;
    const request = {
      batch: pullSize,
      // With `expires`: as many as there are, or the first ones to come.
      no_wait: true,
      expires: pullSeconds * 1e9,
      idle_heartbeat: heartbeatSeconds * 1e9,
    };
    this.lastPull = performance.now();
    this.outstanding += pullSize;
    this.lastHeard = Date.now();
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${contactStream.name}.${this.consumer}`;
    this.nc.publish(subject, JSON.stringify(request), { reply: this.inbox });
  }

  /** Whether the next request is for later. */
  private waitForMore(): boolean {
    const left = this.isBehind ? 0 : this.lastPull + pullPause - performance.now();
    if (left <= 0) return false;
    this.nextPull = setTimeout(() => {
      this.nextPull = undefined;
      this.pull();
    }, left);
    return true;
  }

  private receive(message: Msg): void {
    this.lastHeard = Date.now();
    if (!message.reply) return this.receiveStatus(message);
    const { streamSequence, consumerSequence, time, pending } = this.deliveries.read(message.reply);
    if (consumerSequence !== this.nextDelivery)
      return this.end(new Error('A message was lost between the broker and here.'));
    this.nextDelivery++;
    this.outstanding--;
    this.pending = pending;
    this.lastSequence = streamSequence;
    const { subject, data } = message;
    this.queue.push({ sequence: streamSequence, time, subject, data, isReply: isReply(message) });
    this.handOver();
    this.pull();
  }

  /** Wakes who waits, once all has come that comes together; behind a backlog there is always more to come. */
  private handOver(): void {
    if (this.outstanding > 0 && !this.isBehind) return;
    this.isReady = true;
    this.wake?.();
  }

  private receiveStatus(message: Msg): void {
    const code = message.headers?.code;
    if (code === 100) return;
    if (code === 404 || code === 408) {
      // All there was has come. Should another request be under way, more comes than is counted on, which harms nobody.
      this.outstanding = 0;
      this.handOver();
      return this.pull();
    }
    this.end(new Error(`The broker ended the consumer: ${code} ${message.headers?.description ?? ''}`.trim()));
  }
}

const formatNanos = (nanos: bigint): string => {
  const seconds = new Date(Number(nanos / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(nanos % 1_000_000_000n).padStart(9, '0')}Z`;
};
