import { ReachbackError, type SplitRight } from '#contracts';

/** In seconds: until somebody has done something about it, asking often is of no use. */
const retryAfter = 60;
const askAgainAfter = 1;

/** What a machine is told that is not served because another has the same identity. */
export class CopiedError extends ReachbackError {
  /**
   * @param split how it becomes a client of its own; `ask` where it is told when it asks for work, undefined where an
   *   administrator has to decide
   */
  constructor(split?: SplitRight | 'ask') {
    super('copied', wordsFor(split), split === 'ask' ? askAgainAfter : retryAfter);
    this.split = split === 'ask' ? undefined : split;
  }

  readonly split: SplitRight | undefined;
}

const before = 'Another machine has the identity of this one and was there before; this one gets nothing';

const wordsFor = (split: SplitRight | 'ask' | undefined): string => {
  if (split === undefined)
    return (
      `${before} until an administrator has decided. It needs an identity of its own: remove this one here, and enrol ` +
      'under another id.'
    );
  if (split === 'ask')
    return `${before} as this client. How it may become one of its own is answered to start and poll.`;
  return (
    `${before} as this client. It may become a client of its own: with a new key, enrol as ${split.clientId} by the ` +
    'token in `split`, and go on as that.'
  );
};
