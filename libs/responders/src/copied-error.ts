import { ReachbackError, type SplitRight } from '#contracts';

/** In seconds: until somebody has done something about it, asking often is of no use. */
const retryAfter = 60;

/** What a machine is told that is not served because another has the same identity. */
export class CopiedError extends ReachbackError {
  /** @param split how it becomes a client of its own; undefined where an administrator has to decide */
  constructor(readonly split?: SplitRight) {
    super('copied', split ? becoming(split) : waiting, retryAfter);
  }
}

const before = 'Another machine has the identity of this one and was there before; this one gets nothing';
const waiting =
  `${before} until an administrator has decided. It needs an identity of its own: remove this one here, and enrol under ` +
  'another id.';
const becoming = ({ clientId }: SplitRight): string =>
  `${before} as this client. It may become a client of its own: with a new key, enrol as ${clientId} by the token in ` +
  '`split`, and go on as that.';
