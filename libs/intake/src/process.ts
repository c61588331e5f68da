import { setImmediate } from 'node:timers/promises';
import { contactLimit } from '#domain';
import { ReachbackError } from '#contracts';
import type { RejectLog } from '#event-log';
import type { Batch } from './batch.js';
import { because } from './cause.js';
import type { ContactLimiter } from './contact-limiter.js';
import { type DecodedContact, decodeContact, isTick } from './decode.js';
import type { LanePresence } from './lane-presence.js';
import type { Members } from './members.js';
import { isProbe } from './probe.js';
import type { SourceMessage } from './source.js';

const nanosPerMillisecond = 1_000_000n;
export const toMilliseconds = (nanos: bigint): number => Number(nanos / nanosPerMillisecond);

/** What messages are run through. */
export type Processing = {
  readonly presence: LanePresence;
  readonly batch: Batch;
  readonly limiter: ContactLimiter;
  readonly rejects: Pick<RejectLog, 'record'>;
};

/** A message of the stream, read: a contact, or what is wrong with it; a tick, and a probe, is nothing but a time. */
export type ReadMessage = {
  readonly message: SourceMessage;
  /** When it came, in milliseconds since 1970. */
  readonly arrivedAt: number;
  readonly isTick: boolean;
  readonly contact?: DecodedContact;
  /** Of the client that the contact is of, if it was known when the message was read: a client keeps its ordinal for ever. */
  readonly ordinal?: number | undefined;
  readonly error?: ReachbackError;
};

/** Reads messages, before it is known what else the log has by then. */
export const readMessages = (messages: readonly SourceMessage[], members: Members): readonly ReadMessage[] =>
  messages.map((message) => readMessage(message, members));

/** Messages that are read in one go: some 50 ms, for which everything else in this process waits. */
const readAtOnce = 8_192;

/** Reads many messages, and lets others have their turn in between: before the log's lock is taken. */
export const readInTurns = async (
  messages: readonly SourceMessage[],
  members: Members,
): Promise<readonly ReadMessage[]> => {
  const read: ReadMessage[] = [];
  for (let i = 0; i < messages.length; i += readAtOnce) {
    if (i > 0) await setImmediate();
    read.push(...readMessages(messages.slice(i, i + readAtOnce), members));
  }
  return read;
};

const readMessage = (message: SourceMessage, members: Members): ReadMessage => {
  const arrivedAt = toMilliseconds(message.time);
  if (isTick(message)) return { message, arrivedAt, isTick: true };
  if (isProbe(message.subject)) return { message, arrivedAt, isTick: false };
  try {
    const contact = decodeContact(message);
    return { message, arrivedAt, isTick: false, contact, ordinal: members.ordinalOf(contact.clientId) };
  } catch (error) {
    if (!(error instanceof ReachbackError)) throw error;
    return { message, arrivedAt, isTick: false, error };
  }
};

/** Runs messages through presence, in order, into the batch; what cannot be read harms nobody else in it. */
export const processMessages = (messages: readonly ReadMessage[], processing: Processing): void => {
  const { presence, batch, rejects } = processing;
  const { emit } = batch;
  for (const { message, arrivedAt, isTick: tick, contact, ordinal, error } of messages) {
    const at = presence.advance(arrivedAt, tick, emit);
    const refused = error ?? (contact && processContact(contact, ordinal, at, processing));
    if (!refused) continue;
    const { code, message: text } = refused;
    rejects.record({ at: new Date(at), subject: message.subject, code, message: text, payload: message.data });
  }
};

/** Returns why the contact does not count, if so. */
const processContact = (
  contact: DecodedContact,
  known: number | undefined,
  at: number,
  { presence, batch, limiter }: Processing,
): ReachbackError | undefined => {
  const { members } = presence;
  const { clientId, kind, ips, settingsRevision, agentTime, asked, correlation } = contact;
  const { emit } = batch;
  const emitCaused = correlation === undefined ? emit : because({ correlation }, emit);
  const ordinal = known ?? members.ordinalOf(clientId);
  if (ordinal !== undefined) presence.settle(ordinal, at, emit);
  if (ordinal === undefined || !members.isRegistered(ordinal)) return new ReachbackError('not_registered');
  if (!limiter.admits(ordinal, at)) return tooMuch();
  if (asked !== undefined && !isSilentSince(presence, ordinal, asked, at)) return undefined;
  if (ips && presence.receiveAddresses(ordinal, ips, at, emitCaused)) batch.close();
  batch.add(ordinal, kind, at);
  if (agentTime !== undefined) members.data.clockSkew[ordinal] = (agentTime - at) / 1000;
  if (settingsRevision !== undefined && members.reportRevision(ordinal, Number(settingsRevision))) {
    batch.reports.set(ordinal, { revision: settingsRevision, at });
  }
  if (kind === 'logs') {
    const data = { at: new Date(at).toISOString(), content: contact.content ?? {} };
    batch.emit({ type: 'logs-received', client: clientId, meta: { actor: 'agent' }, data });
  }
  presence.receive(ordinal, kind, at, emitCaused);
  return undefined;
};

/** A client that has spoken since it was asked is there, whatever became of its answer; one unheard may be (G1). */
const isSilentSince = (presence: LanePresence, ordinal: number, asked: number, now: number): boolean =>
  (presence.members.data.lastContact[ordinal] ?? 0) < asked && presence.wasAnybodyHeard(asked, now);

const tooMuch = () =>
  new ReachbackError(
    'rate_limited',
    `More than ${contactLimit.contacts} contacts in ${contactLimit.window / 1000} s; the rest is not taken in.`,
  );
