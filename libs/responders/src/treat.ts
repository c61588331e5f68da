import { ReachbackError } from '#contracts';
import { treatCopy } from '#domain';
import type { EffectiveCache } from './effective.js';
import type { ClientRow } from './read-clients.js';
import type { AgentRequest } from './request.js';

/** How a request is treated, by the policy for copies; of a client that two machines speak as. */
export const treatmentOf = (
  { payload: { instance } }: AgentRequest,
  row: ClientRow,
  cache: EffectiveCache,
  holder: string | null = row.copyHolder,
): ReturnType<typeof treatCopy> =>
  holder === null ? 'serve' : treatCopy(cache.of(row).policy.copies, holder, instance);

/** In seconds: until an administrator has decided, asking often is of no use. */
const retryCopied = 60;

export const copied = (): { readonly error: ReachbackError } => ({
  error: new ReachbackError(
    'copied',
    'Another machine has the identity of this one and was there before; this one gets nothing until an administrator ' +
      'has decided. It needs an identity of its own: remove this one here, and enrol under another id.',
    retryCopied,
  ),
});

/** What a client in quarantine is told. */
export const quarantined =
  'Another machine has the identity of this one; neither gets settings or updates until an administrator has decided.';
