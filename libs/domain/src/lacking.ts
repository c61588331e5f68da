import { grantOf, type Policy } from './policy.js';

/** What is known of a client that a release is for. */
export type Standing = {
  readonly state: 'pending' | 'delivered' | 'acknowledged' | 'failed' | 'expired' | 'superseded' | 'withdrawn';
  readonly isOnline: boolean;
  readonly isPaused: boolean;
  /** Paused because whoever published it lost the right to. */
  readonly isHeld?: boolean;
  /** Its turn in the rollout; null without one. */
  readonly admittedAt: Date | null;
};

/** Why a client lacks a release or has not confirmed it; null for those that are done with it (G10). */
export type LackReason =
  'asleep' | 'failing' | 'expired' | 'not-yet-admitted' | 'paused' | 'held' | 'waiting' | 'installing';

export const lackReasonOf = (
  { state, isOnline, isPaused, isHeld, admittedAt }: Standing,
  now: Date,
): LackReason | null => {
  if (state === 'expired') return 'expired';
  if (state === 'delivered') return 'installing';
  if (state !== 'pending' && state !== 'failed') return null;
  if (isPaused) return isHeld ? 'held' : 'paused';
  if ((admittedAt ?? now) > now) return 'not-yet-admitted';
  if (state === 'failed') return 'failing';
  return isOnline ? 'waiting' : 'asleep';
};

/**
 * When a client that lacks a release will have spoken next: one that polls, an interval after its turn in the rollout;
 * a direct one is told and comes at once. Null for one that is done with it, and where nobody can know: it is asleep,
 * it may not poll, or the release is paused.
 */
export const expectedAt = (
  { state, isOnline, isPaused, admittedAt }: Standing,
  { policy, network, now }: { readonly policy: Policy; readonly network: 'direct' | 'unreachable'; readonly now: Date },
): Date | null => {
  const isLacking = state === 'pending' || state === 'delivered' || state === 'failed';
  if (!isLacking || !isOnline || (isPaused && state !== 'delivered')) return null;
  if (network === 'unreachable' && !grantOf(policy, network).poll) return null;
  const turn = Math.max(now.getTime(), admittedAt?.getTime() ?? 0);
  return new Date(turn + (network === 'direct' ? 0 : policy.poll.interval));
};
