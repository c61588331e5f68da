import { z } from 'zod';
import { clientIdPattern } from './subjects.js';

const time = z.iso.datetime();

/** A user's public key as NATS writes it (nkeys); its checksum is looked at where it is used. */
export const publicKey = z
  .string()
  .regex(/^U[A-Z2-7]{55}$/, 'a public key is that of an NKey of a user: U and 55 characters of A-Z 2-7');

/** The text of an enrolment token. Whatever it holds: what is wrong with it is found out, and said, in one place. */
const tokenText = z.string().min(1).max(4_096);

/** What an agent asks with its token, over NATS and over HTTP alike. The seed of its key never leaves it. */
export const enrolRequestSchema = z
  .object({
    token: tokenText,
    clientId: z.string().regex(clientIdPattern, 'a client id is 1 to 64 characters of A-Z a-z 0-9 _ -'),
    publicKey: publicKey.optional().describe('of its key pair; for NATS and WebSocket'),
    secret: z
      .string()
      .min(32)
      .max(256)
      .optional()
      .describe('for MQTT, instead of a key: random text that it has made and keeps; the JWT is its password'),
  })
  .refine(({ publicKey, secret }) => (publicKey === undefined) !== (secret === undefined), {
    path: ['publicKey'],
    message: 'either a public key, or for MQTT a secret',
  });
export type EnrolRequest = z.infer<typeof enrolRequestSchema>;

/** A user JWT, and until when the broker takes it. */
const issued = {
  jwt: z.string().describe('a user JWT for the broker; worth nothing without the seed of the key'),
  expiresAt: time,
  time: time.describe('the server’s time'),
};

export const enrolReplySchema = z.discriminatedUnion('state', [
  z.object({ state: z.literal('approved'), id: z.string(), clientId: z.string(), publicKey: z.string(), ...issued }),
  z.object({
    state: z.literal('pending'),
    id: z.string(),
    clientId: z.string(),
    publicKey: z.string(),
    retryAfterSeconds: z.number().describe('an administrator has to approve; ask again after so long'),
  }),
]);
export type EnrolReply = z.infer<typeof enrolReplySchema>;

/** What an agent sends on `renew`: the key that its connection was made with. */
export const renewRequestSchema = z.object({ publicKey });
export const renewReplySchema = z.object(issued);
export type RenewReply = z.infer<typeof renewReplySchema>;
