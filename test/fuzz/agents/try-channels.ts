import { headers, type NatsConnection } from '@nats-io/transport-node';
import fc from 'fast-check';
import { errorCatalogue } from '#contracts';
import type { Known } from '../from-schema.js';
import { blocksOf, inParallel } from '../inputs.js';
import type { Channel } from './channels.js';
import { badMessage, type FuzzMessage, goodMessage, type Senders } from './messages.js';

const width = 32;

/** More than the headers of a message have, in bytes. */
const headerBytes = 16_384;

/** A connection for a channel; one for enrolment may do nothing else. */
export type Connections = (channel: Channel) => NatsConnection;

/** Sends to all channels, and keeps which answers there were. */
export class ChannelTrials {
  /** The first few answers that no message may get. */
  readonly wrong: string[] = [];
  /** By channel: `ok`, and the codes of errors. */
  readonly seen = new Map<string, Set<string>>();

  constructor(
    private readonly connections: Connections,
    private readonly senders: Senders,
  ) {}

  async good(channels: readonly Channel[], known: Known, rounds: number): Promise<void> {
    const all = channels.map((channel) => goodMessage(channel, known, this.senders));
    for (const round of blocksOf(fc.tuple(...all), rounds, 1))
      for (const messages of round) await inParallel(messages, 1, (message) => this.try(message));
  }

  /** Feeds so many in blocks; what comes between two of them is for the caller to do. */
  async *bad(channels: readonly Channel[], known: Known, count: number, blocks: number): AsyncGenerator<void> {
    const some = channels.flatMap((channel) => [
      { weight: 12, arbitrary: badMessage(channel, known, this.senders) },
      { weight: 1, arbitrary: goodMessage(channel, known, this.senders) },
    ]);
    for (const block of blocksOf(fc.oneof(...some), count, blocks)) {
      await inParallel(block, width, (message) => this.try(message));
      await Promise.all([...new Set(channels.map(this.connections))].map((nats) => nats.flush()));
      yield;
    }
  }

  private async try(message: FuzzMessage): Promise<void> {
    const { channel, subject, payload, reply, isAsked } = message;
    const nats = this.connections(channel);
    const all = headers();
    for (const [name, text] of Object.entries(message.headers)) all.set(name, text);
    const options = { headers: all };
    // What is larger the client library refuses to send; the broker would end the connection for it.
    if (payload.length + headerBytes > (nats.info?.max_payload ?? 0)) return;
    if (!isAsked) return nats.publish(subject, payload, { ...options, ...(reply ? { reply } : {}) });
    const said = `${subject} ${JSON.stringify(message.headers)} ${JSON.stringify(payload.toString('latin1')).slice(0, 2_000)}`;
    try {
      const answer = await nats.request(subject, payload, { ...options, timeout: 60_000 });
      this.judge(channel, said, answer.headers?.get('Nats-Service-Error-Code') ?? '', answer.string());
    } catch (error) {
      this.complain(`${String(error)}: ${said}`);
    }
  }

  private judge({ name, isRequest }: Channel, said: string, code: string, text: string): void {
    const seen = this.seen.get(name) ?? new Set();
    this.seen.set(name, seen);
    // The broker answers what is published, and refuses what its headers forbid.
    if (!isRequest) return void seen.add('error' in (JSON.parse(text) as object) ? 'refused' : 'ok');
    seen.add(code === '' ? 'ok' : code);
    if (code === 'internal' || code === 'unavailable' || (code !== '' && !(code in errorCatalogue)))
      this.complain(`${code}: ${said}\n  ${text.slice(0, 300)}`);
  }

  private complain(what: string): void {
    if (this.wrong.length < 20) this.wrong.push(what);
  }
}
