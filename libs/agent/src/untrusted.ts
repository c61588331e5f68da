import { distrustOf } from '#tls';
import { AgentError } from './agent-error.js';

/** What to do about a broker that shows no certificate that is trusted; undefined for all else. */
export const untrusted = (error: unknown): AgentError | undefined => {
  const reason = distrustOf(error);
  if (reason === undefined) return undefined;
  return new AgentError(
    'untrusted',
    `The broker is not trusted: ${reason}. Give the agent the certificate of the authority that signed the broker's.`,
  );
};
