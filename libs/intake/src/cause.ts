import type { Fact, FactMeta } from '#contracts';
import type { Emit } from './lane-presence.js';

/** What a conclusion says of what led to it. */
export type Cause = Pick<FactMeta, 'causation' | 'correlation'>;

/** That a fact of the log led to it, and the request behind that fact. */
export const causeOf = ({ position, meta }: Fact): Cause => ({
  causation: String(position),
  ...(meta.correlation === undefined ? {} : { correlation: meta.correlation }),
});

/** Emits facts that say what led to them, unless they say so themselves. */
export const because =
  (cause: Cause, emit: Emit): Emit =>
  (fact) =>
    emit({ ...fact, meta: { ...cause, ...fact.meta } });
