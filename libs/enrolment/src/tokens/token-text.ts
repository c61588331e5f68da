import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

/** 32 random bytes need no slow hash: nobody tries them all. */
const secretBytes = 32;
const uuid = z.uuid();

/**
 * A token as text: `<id>.<secret>.<JWT>`. Over NATS the JWT lets its bearer in, to present the token and nothing else;
 * over HTTP the first two parts are enough.
 */
export const formatToken = (id: string, secret: string, jwt: string): string => `${id}.${secret}.${jwt}`;

export const makeSecret = (): string => randomBytes(secretBytes).toString('base64url');

export const hashSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** The parts of a token that the server looks at; undefined when the text is no token. */
export const readToken = (text: string): { readonly id: string; readonly secret: string } | undefined => {
  const [id = '', secret = ''] = text.trim().split('.');
  return uuid.safeParse(id).success && secret !== '' ? { id: id.toLowerCase(), secret } : undefined;
};

const nobodys = randomBytes(32);

/** Whether a secret is the one with this hash. Takes as long where there is none: that a token exists is not told. */
export const isSecretOf = (secret: string, hash: Uint8Array | null | undefined): boolean => {
  const isEqual = timingSafeEqual(hashSecret(secret), hash ?? nobodys);
  return isEqual && hash !== null && hash !== undefined;
};
