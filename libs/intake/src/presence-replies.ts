import { headers, type NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';
import { replyHeader, subjects } from '#contracts';
import type { LanePresence } from './lane-presence.js';

const question = z.object({ ordinals: z.array(z.int().nonnegative()).max(10_000) });

export type IngestRate = { readonly lagSeconds: number; readonly perSecond: number };

/** Answers what only the owner's memory knows exactly: when each client was last heard, and when it would be offline. */
export const answerPresence = (
  nc: NatsConnection,
  lane: number,
  presence: () => LanePresence,
  ingest: () => IngestRate,
): { stop: () => void } => {
  const subscription = nc.subscribe(subjects.presence(lane), {
    callback: (error, message) => {
      if (error) return;
      const asked = question.safeParse(parse(message.string()));
      const ordinals = asked.success ? asked.data.ordinals : [];
      const clients = ordinals.map((o) => describe(presence(), o));
      message.respond(JSON.stringify({ ...ingest(), clients }), { headers: marked });
    },
  });
  return { stop: () => subscription.unsubscribe() };
};

const marked = headers();
marked.set(replyHeader, '1');

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text || '{}');
  } catch {
    return undefined;
  }
};

const describe = (presence: LanePresence, ordinal: number) => {
  const { members } = presence;
  const { lastContact, lastHeartbeat, lastPoll, clockSkew } = members.data;
  const skew = clockSkew[ordinal];
  return {
    ordinal,
    lastContactAt: time(lastContact[ordinal]),
    lastHeartbeatAt: time(lastHeartbeat[ordinal]),
    lastPollAt: time(lastPoll[ordinal]),
    offlineAt: members.isWatched(ordinal) ? time(members.deadlineOf(ordinal, presence.outages)) : null,
    clockSkewSeconds: skew === undefined || Number.isNaN(skew) ? null : Math.round(skew * 1000) / 1000,
  };
};

const time = (milliseconds: number | undefined): string | null =>
  milliseconds ? new Date(milliseconds).toISOString() : null;
