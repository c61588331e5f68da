import { createHash } from 'node:crypto';
import type { Signer } from './signer.js';

/** Which subjects may be published to or subscribed to; deny wins. */
export type Permission = { readonly allow?: readonly string[]; readonly deny?: readonly string[] };

/** What a user may do; of a scoped signing key, what every user it signs may do. Payload in bytes; -1 is no limit. */
export type UserPermissions = {
  readonly pub?: Permission;
  readonly sub?: Permission;
  /** A reply to what it received: so many per message, within so many nanoseconds. */
  readonly resp?: { readonly max: number; readonly ttl: number };
  readonly subs?: number;
  readonly data?: number;
  readonly payload?: number;
  /** The token alone lets in: no signature of the connection's challenge is asked for. */
  readonly bearer_token?: boolean;
  /** Over which of the broker's protocols he is let in; over all, if it is not said. */
  readonly allowed_connection_types?: readonly ('STANDARD' | 'WEBSOCKET' | 'MQTT')[];
};

export type Claims = {
  /** The public key that it is about. */
  readonly sub: string;
  readonly name: string;
  /** Seconds since 1970; a user without it is let in for ever. */
  readonly exp?: number;
  /** When it was issued, likewise; now, if it is not said. */
  readonly iat?: number;
  readonly nats: Readonly<Record<string, unknown>> & { readonly type: 'operator' | 'account' | 'user' };
};

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * A JWT as NATS reads it (version 2): Ed25519 over header and claims, by the key that it names as the issuer. It is
 * spelt out here because the library for it is asynchronous and of version 0, and this is all that it would do.
 */
export const encodeClaims = ({ nats, ...claims }: Claims, signer: Signer): string => {
  const issued = { iat: Math.floor(Date.now() / 1000), ...claims, iss: signer.publicKey };
  const whole = { ...issued, nats: { ...nats, version: 2 } };
  const jti = createHash('sha512-256').update(JSON.stringify(whole)).digest('base64url');
  const signed = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part({ jti, ...whole })}`;
  return `${signed}.${Buffer.from(signer.sign(Buffer.from(signed))).toString('base64url')}`;
};

/** The file by which a user connects: the JWT, and the seed that proves that it is the user's. */
export const formatCredentials = (jwt: string, user: Signer): string =>
  [
    '-----BEGIN NATS USER JWT-----',
    jwt,
    '------END NATS USER JWT------',
    '',
    '-----BEGIN USER NKEY SEED-----',
    user.seed,
    '------END USER NKEY SEED------',
    '',
  ].join('\n');
