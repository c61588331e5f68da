import { z } from 'zod';
import { contactStream } from './subjects.js';

const duration = z.string();

/** The policy a client is granted; durations are ISO 8601. `phase` is its place within the interval (G9). */
export const grantedPolicySchema = z.object({
  heartbeat: z.object({ enabled: z.boolean(), interval: duration }),
  poll: z.object({ enabled: z.boolean(), interval: duration }),
  offlineAfter: duration,
  phase: duration,
});
export type GrantedPolicy = z.infer<typeof grantedPolicySchema>;

export const updateItemSchema = z.object({
  component: z.string(),
  version: z.string(),
  url: z.string(),
  sha256: z.string(),
  size: z.number(),
  deliverBy: z.string().nullable(),
});
export type UpdateItem = z.infer<typeof updateItemSchema>;

/** The answer to `register`, `start`, `reload`, `poll` and `update` (R14, R15). */
export const workReplySchema = z.object({
  time: z.string(),
  policy: grantedPolicySchema,
  settings: z.object({ revision: z.string(), values: z.record(z.string(), z.unknown()) }).nullable(),
  updates: z.array(updateItemSchema),
  more: z.boolean().describe('more is waiting that was never sent: poll again at once'),
  warnings: z.array(z.string()),
  renewInstance: z
    .literal(true)
    .optional()
    .describe(
      'give this process another `instance`, and count its requests from 1 again: another machine may have both',
    ),
});
export type WorkReply = z.infer<typeof workReplySchema>;

export const ackReplySchema = z.object({ accepted: z.number() });
export type AckReply = z.infer<typeof ackReplySchema>;

/** Set on every error reply, with the code as its value. */
export const errorHeader = 'Nats-Service-Error-Code';

/** With `copied`: how a machine that was copied becomes a client of its own. */
export const splitRightSchema = z.object({
  clientId: z.string().describe('the id that it has from then on'),
  token: z.string().describe('an enrolment token, good once and for this id alone'),
  expiresAt: z.string(),
});
export type SplitRight = z.infer<typeof splitRightSchema>;

export const errorReplySchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    retryAfterSeconds: z.number().optional(),
    correlation: z.string().optional().describe('what the server’s log calls this request'),
    split: splitRightSchema
      .optional()
      .describe('with `copied`: enrol with a key of your own by this, and go on as that'),
  }),
});
export type ErrorReply = z.infer<typeof errorReplySchema>;

/**
 * On every answer of the server. Whoever asks says to which subject the answer goes, and no broker checks whether he may
 * publish there; so what carries this is never taken for something that a client sent.
 */
export const replyHeader = 'Reachback-Reply';

export const isReply = (message: {
  readonly headers?: { readonly has: (name: string) => boolean } | undefined;
}): boolean => message.headers?.has(replyHeader) === true;

/** Whether a payload is a receipt of the broker's for something stored in the stream of contacts; it carries no header. */
export const isReceipt = (payload: unknown): boolean =>
  typeof payload === 'object' &&
  payload !== null &&
  'stream' in payload &&
  payload.stream === contactStream.name &&
  'seq' in payload &&
  typeof payload.seq === 'number';
