import { type NewFact, ReachbackError } from '#contracts';
import type { RejectLog } from '#event-log';
import type { Batch } from './batch.js';
import { type DecodedContact, decodeContact, isTick } from './decode.js';
import type { LanePresence } from './lane-presence.js';
import type { SourceMessage } from './source.js';

const nanosPerMillisecond = 1_000_000n;
export const toMilliseconds = (nanos: bigint): number => Number(nanos / nanosPerMillisecond);

/** Runs messages through presence, in order, into the batch; what cannot be read harms nobody else in it. */
export const processMessages = (
  messages: readonly SourceMessage[],
  presence: LanePresence,
  batch: Batch,
  rejects: RejectLog,
): void => {
  const emit = (fact: NewFact) => batch.emit(fact);
  for (const message of messages) {
    const tick = isTick(message);
    const at = presence.advance(toMilliseconds(message.time), tick, emit);
    if (tick) continue;
    try {
      processContact(decodeContact(message), at, presence, batch);
    } catch (error) {
      if (!(error instanceof ReachbackError)) throw error;
      const { code, message: text } = error;
      rejects.record({ at: new Date(at), subject: message.subject, code, message: text, payload: message.data });
    }
  }
};

const processContact = (contact: DecodedContact, at: number, presence: LanePresence, batch: Batch): void => {
  const { members } = presence;
  const emit = (fact: NewFact) => batch.emit(fact);
  const ordinal = members.ordinalOf(contact.clientId);
  if (ordinal === undefined || !members.isRegistered(ordinal)) throw new ReachbackError('not_registered');
  if (contact.ips && presence.receiveAddresses(ordinal, contact.ips, at, emit)) batch.close();
  batch.add(ordinal, contact.kind, at);
  if (contact.agentTime !== undefined) members.data.clockSkew[ordinal] = (contact.agentTime - at) / 1000;
  if (contact.kind === 'logs') {
    const data = { at: new Date(at).toISOString(), content: contact.content ?? {} };
    batch.emit({ type: 'logs-received', client: contact.clientId, meta: { actor: 'agent' }, data });
  }
  presence.receive(ordinal, contact.kind, at, emit);
};
