import fc from 'fast-check';
import { fitting, type Known } from '../from-schema.js';
import { broken, nastyBytes, nastyText } from '../values.js';
import type { Channel } from './channels.js';

export type FuzzMessage = {
  readonly channel: Channel;
  readonly subject: string;
  readonly payload: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /** Where an answer is to go, if the sender does not wait for it. */
  readonly reply: string | undefined;
  /** Whether the sender waits for an answer. */
  readonly isAsked: boolean;
};

/** Who sends, and what stands for the other parameters of an address. */
export type Senders = { readonly ids: readonly string[]; readonly places: Readonly<Record<string, string>> };

const subjectOf = (address: string, clientId: string, places: Senders['places']): string =>
  address.replace(/\{(\w+)\}/g, (_, name: string) => (name === 'clientId' ? clientId : (places[name] ?? 'x')));

/** Neither spaces nor dots nor wildcards: with those it would be another subject, or none. */
const token = nastyText
  .map((text) => text.replace(/[\s.*>\0]/gu, '').slice(0, 80) || 'x')
  .filter((text) => text.isWellFormed());

const headerText = nastyText.map((text) =>
  text
    .replace(/[^\x20-\x7e]/g, '?')
    .trim()
    .slice(0, 1_000),
);
const strangeHeaders = fc.record(
  {
    'Nats-Msg-Id': fc.oneof(headerText, fc.constantFrom('1', '2')),
    'Nats-Expected-Stream': fc.constantFrom('REACHBACK_CONTACTS', 'other'),
    'Nats-Expected-Last-Sequence': fc.constantFrom('0', '-1', 'x', '9'.repeat(30)),
    'Nats-Expected-Last-Msg-Id': fc.constant('nothing'),
    'Nats-Expected-Last-Subject-Sequence': fc.constantFrom('0', '7'),
    'Nats-Rollup': fc.constantFrom('all', 'sub', 'x'),
    'Nats-TTL': fc.constantFrom('1s', 'never', '-1'),
    'Nats-Schedule': fc.constant('@every 1s'),
    'Nats-Batch-Id': fc.constant('b'),
    'Nats-Batch-Sequence': fc.constant('1'),
    'Nats-Service-Error-Code': headerText,
    Status: fc.constant('503'),
    __proto__x: headerText,
  },
  { requiredKeys: [] },
);

/** Where answers could do harm, or go nowhere. */
const replies = (ids: readonly string[]) =>
  fc.constantFrom(
    '$JS.API.STREAM.PURGE.REACHBACK_CONTACTS',
    '$JS.API.STREAM.DELETE.REACHBACK_CONTACTS',
    'reachback.internal.v1.tick',
    'reachback.internal.v1.committed.0',
    'reachback.v1.heartbeat',
    ...ids.slice(0, 3).flatMap((id) => [`reachback.v1.${id}.heartbeat`, `reachback.v1.${id}.poll`]),
    '_INBOX.fleet.nobody',
  );

const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value) ?? '');

/** A message that should be taken. */
export const goodMessage = (channel: Channel, known: Known, { ids, places }: Senders): fc.Arbitrary<FuzzMessage> =>
  fc.tuple(fc.constantFrom(...ids), fitting(channel.schema, known)).map(([id, value]) => ({
    channel,
    subject: subjectOf(channel.address, id, places),
    payload: bytesOf(value),
    headers: {},
    reply: undefined,
    isAsked: true,
  }));

/** A message with something wrong in it, in its headers, its subject or its reply subject. */
export const badMessage = (channel: Channel, known: Known, { ids, places }: Senders): fc.Arbitrary<FuzzMessage> => {
  const value = fitting(channel.schema, known);
  const depth = fc.constantFrom('', '', '', '', '', '', '.more', '.a.b.c', '.renew');
  return fc
    .record({
      id: fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...ids) }, token),
      payload: fc.oneof({ weight: 2, arbitrary: broken(value).map(bytesOf) }, nastyBytes(value)),
      headers: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, strangeHeaders),
      isMarked: fc.constantFrom(false, false, false, false, false, false, false, true),
      reply: fc.option(replies(ids), { freq: 2 }),
      depth,
      isAsked: fc.constantFrom(true, false, false, false),
    })
    .map(({ id, payload, headers, isMarked, reply, depth: more, isAsked }) => {
      const isOdd = channel.address.includes('{clientId}') && more !== '';
      // Nobody answers what is marked as an answer, and perhaps nobody what has no place.
      const mayAsk = isAsked && !isOdd && !isMarked;
      return {
        channel,
        subject: `${subjectOf(channel.address, id, places)}${isOdd ? more : ''}`,
        payload,
        headers: isMarked ? { ...headers, 'Reachback-Reply': '1' } : headers,
        reply: mayAsk ? undefined : (reply ?? undefined),
        isAsked: mayAsk,
      };
    });
};
