import type { Fact } from '#contracts';
import { type Database, isOutage, readFacts, readHead, transact } from '#event-log';
import type { Checkpoint } from './checkpoint.js';
import type { Follower } from './follower.js';

/** A fact that a follower cannot apply, or that cannot be read: the follower stops before it. */
export class PoisonFactError extends Error {
  override readonly name = 'PoisonFactError';

  constructor(
    /** Where the checkpoint stays: everything up to here is applied. */
    readonly checkpoint: bigint,
    cause: unknown,
  ) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`The first fact after position ${checkpoint} cannot be applied: ${reason}`, { cause });
  }
}

/** How many facts were applied, and whether the log holds more. */
export type Step = { readonly applied: number; readonly more: boolean };

export type StepOptions = {
  readonly db: Database;
  readonly follower: Follower;
  readonly checkpoint: Checkpoint;
};

/**
 * Applies the next facts in one transaction with the checkpoint, `limit` at most, which is as many as the follower takes at
 * once. Undefined when there is no checkpoint, and so nothing to be done.
 *
 * Facts become visible in the order of their positions (an append holds the log's lock until it commits), so what
 * lies at or below the head is all there is, and moving the checkpoint to the head skips nothing.
 *
 * @throws {PoisonFactError} when the very next fact cannot be applied; all before it are
 */
export const step = async (options: StepOptions, limit = options.follower.atOnce): Promise<Step | undefined> => {
  const { db, follower, checkpoint } = options;
  const from = await checkpoint.read(db);
  if (from === undefined) return undefined;
  const head = await readHead(db);
  if (from >= head) return { applied: 0, more: false };
  try {
    const facts = await readFacts(db, { after: from, upTo: head, types: follower.handles, limit });
    const last = facts.length === limit ? facts.at(-1) : undefined;
    const moved = await applyBatch(options, facts, { from, to: last?.position ?? head });
    return { applied: moved ? facts.length : 0, more: last !== undefined || !moved };
  } catch (error) {
    if (isOutage(error)) throw error;
    if (limit === 1) throw new PoisonFactError(from, error);
    // Closing in on the poison by halves, so that everything before it is applied and nothing is skipped.
    return step(options, Math.ceil(limit / 2));
  }
};

const applyBatch = (
  { db, follower, checkpoint }: StepOptions,
  facts: readonly Fact[],
  move: { readonly from: bigint; readonly to: bigint },
): Promise<boolean> =>
  transact(db, async (tx) => {
    if (!(await checkpoint.move(tx, move))) return false;
    if (facts.length > 0) await follower.apply(facts, tx);
    return true;
  });
