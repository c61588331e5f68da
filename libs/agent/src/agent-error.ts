import type { Msg } from '@nats-io/transport-node';
import { type ErrorReply, errorReplySchema, type SplitRight } from '#contracts';

/** An answer of the server that is an error of its catalogue. */
export class AgentError extends Error {
  override readonly name = 'AgentError';

  constructor(
    readonly code: string,
    message: string,
    readonly retryAfterSeconds?: number,
    /** With `copied`: how this machine becomes a client of its own. */
    readonly split?: SplitRight,
  ) {
    super(message);
  }
}

/**
 * The server's answer to a request.
 *
 * @throws {AgentError} when it is an error
 */
export const answerOf = <T>(message: Msg): T => {
  const answer = message.json<T | ErrorReply>();
  const failure = errorReplySchema.safeParse(answer);
  if (!failure.success) return answer as T;
  const { code, message: text, retryAfterSeconds, split } = failure.data.error;
  throw new AgentError(code, text, retryAfterSeconds, split);
};

export const messageOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
