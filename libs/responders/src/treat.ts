import { treatCopy } from '#domain';
import type { EffectiveCache } from './effective.js';
import type { ClientRow } from './read-clients.js';
import type { AgentRequest } from './request.js';

/**
 * How a request is treated, by the policy for copies; of a client that two machines speak as.
 *
 * @param found the one that was there before, where that has just been found out
 */
export const treatmentOf = (
  { payload: { instance } }: AgentRequest,
  row: ClientRow,
  cache: EffectiveCache,
  found?: string,
): ReturnType<typeof treatCopy> =>
  row.copied || found !== undefined
    ? treatCopy(cache.of(row).policy.copies, found ?? row.copyHolder, instance)
    : 'serve';

/** What a client in quarantine is told. */
export const quarantined =
  'Another machine has the identity of this one; neither gets settings or updates until an administrator has decided.';
