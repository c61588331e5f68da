import { type Fact, policyKey } from '#contracts';
import type { Queryable } from '#event-log';
import { because, causeOf } from './cause.js';
import type { Emit, LanePresence } from './lane-presence.js';

/**
 * Of one transaction, so that intake goes on in between: clients looked at, and those whose network changed. Beats wait
 * for the writing of the changes: on two busy cores up to 1.7 s for 2,000, 0.5 to 0.7 s for 500, at the same rate.
 */
const slice = { clients: 2_000, changes: 500 } as const;
/** A fleet of this size is gone through in one transaction, if it must be. */
const smallFleet = 20_000;

/**
 * Goes on classifying clients after a change of the networks (R1): one slice, by their stored addresses. A pass that is
 * cut short by the end of the process starts anew with the next owner; who is classified already does not change again.
 */
export const reclassifySome = async (
  db: Queryable,
  lane: number,
  presence: LanePresence,
  emit: Emit,
): Promise<void> => {
  const pass = presence.reclassification;
  if (!pass) return;
  const rows = await db<{ ordinal: number; ips: string[] }[]>`
    SELECT ordinal, ips FROM client
    WHERE lane = ${lane} AND ordinal >= ${pass.next}
    ORDER BY ordinal LIMIT ${slice.clients}`;
  const at = Math.max(pass.since, presence.clock);
  const emitChange = because(pass.cause, emit);
  let changes = 0;
  for (const { ordinal, ips } of rows) {
    if (presence.reclassify(ordinal, ips, at, emitChange)) changes++;
    presence.reclassification = { ...pass, next: ordinal + 1 };
    if (changes === slice.changes) return;
  }
  if (rows.length < slice.clients) presence.reclassification = undefined;
};

/** Whether what follows from a fact depends on the classes that clients have when it is taken in. */
const isJudgedByClass = (fact: Fact): boolean =>
  fact.type === 'networks-changed' ||
  fact.type === 'client-removed' ||
  fact.type === 'group-removed' ||
  (fact.type === 'client-edited' && fact.data.group !== undefined) ||
  (fact.type === 'settings-changed' && policyKey in fact.data.patch);

/**
 * Whether a fact that is judged by the classes waits until a change of the networks before it is through: in a fleet that
 * a transaction can go through. In a larger one the two are told at the same time, and the change of the networks counts
 * when its slice comes.
 */
export const waitsForClasses = (presence: LanePresence, fact: Fact): boolean =>
  presence.reclassification !== undefined && presence.members.count <= smallFleet && isJudgedByClass(fact);

/** Takes in a fact of the log, when everybody has the class that it is to be judged by. */
export const takeInOrder = async (
  db: Queryable,
  lane: number,
  presence: LanePresence,
  fact: Fact,
  emit: Emit,
): Promise<void> => {
  while (waitsForClasses(presence, fact)) await reclassifySome(db, lane, presence, emit);
  presence.apply(fact, because(causeOf(fact), emit));
};
