import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from 'jose';
import { z } from 'zod';
import { ReachbackError, type Role, roles } from '#contracts';
import type { Caller } from './caller.js';
import { Scope } from './scope.js';

export type OidcOptions = {
  /** As in the tokens, exactly; its metadata are read below it. */
  readonly issuer: string;
  readonly audience: string;
  /** The claim with the role, or a list with roles among others; by its name, or by dots into objects. */
  readonly roleClaim: string;
  /** The claim with the group that the bearer is limited to; without one nobody is limited. */
  readonly groupClaim?: string | undefined;
  /** Milliseconds within which the issuer is not asked again for a key that is not known. */
  readonly cooldown?: number;
};

/** Signatures by keys that only the issuer has: what HMAC is made with, a public key for instance, others have too. */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** Keys are read again after so many milliseconds, and sooner for a key that is not known. */
const cacheMaxAge = 10 * 60_000;
const usualCooldown = 5_000;
const timeoutDuration = 5_000;
/** By how much clocks may differ, in seconds. */
const clockTolerance = 5;

const metadata = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });
const group = z.string().max(256);

/** Whether a bearer token looks like one of an issuer: three parts between dots. */
export const isToken = (token: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]*$/.test(token);

/**
 * Finds out by tokens of one issuer who a request is from.
 *
 * @returns a function that throws `unauthorized` for a token that is not good now, `forbidden` for one that gives no
 * role (or group, where there is a claim for it), and `unavailable` while the issuer cannot be asked
 */
export const createOidc = ({ issuer, audience, roleClaim, groupClaim, cooldown = usualCooldown }: OidcOptions) => {
  let keys: Promise<ReturnType<typeof createRemoteJWKSet>> | undefined;
  const keysOf = () =>
    (keys ??= discover(issuer, cooldown).catch((error: unknown) => {
      keys = undefined;
      throw error;
    }));
  return async (token: string): Promise<Caller> => {
    const payload = await keysOf()
      .then((set) =>
        jwtVerify(token, set, { issuer, audience, algorithms, clockTolerance, requiredClaims: ['sub', 'exp'] }),
      )
      .then((verified) => verified.payload, refuse);
    return {
      key: `oidc:${payload.sub ?? ''}`,
      actor: `oidc:${payload.sub ?? ''}`,
      role: roleIn(payload, roleClaim),
      scope: groupClaim === undefined ? Scope.fleet : new Scope(groupIn(payload, groupClaim)),
      isStored: false,
    };
  };
};

const discover = async (issuer: string, cooldownDuration: number): Promise<ReturnType<typeof createRemoteJWKSet>> => {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutDuration), redirect: 'error' });
  if (!response.ok) throw new Error(`${url} answered ${response.status}.`);
  const found = metadata.parse(await response.json());
  if (found.issuer !== issuer) throw new Error(`${url} names another issuer.`);
  return createRemoteJWKSet(new URL(found.jwks_uri), { cacheMaxAge, cooldownDuration, timeoutDuration });
};

/** What is wrong with the token is not told; that the issuer cannot be asked is not the token's fault. */
const refuse = (error: unknown): never => {
  const isOfToken =
    error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout) && error.code !== 'ERR_JOSE_GENERIC';
  if (isOfToken) throw new ReachbackError('unauthorized');
  throw new ReachbackError('unavailable', 'The issuer of tokens cannot be asked for its keys; try again.', 5);
};

/** The highest that is given. */
const roleIn = (payload: JWTPayload, claim: string): Role => {
  const given = [claimIn(payload, claim)].flat();
  const role = roles.findLast((one) => given.includes(one));
  if (role === undefined)
    throw new ReachbackError('forbidden', `The token gives none of the roles ${roles.join(', ')}.`);
  return role;
};

/** An empty one is the whole fleet; a token without the claim is not taken for that. */
const groupIn = (payload: JWTPayload, claim: string): string => {
  const given = group.safeParse(claimIn(payload, claim));
  if (!given.success) throw new ReachbackError('forbidden', 'The token says no group that it is limited to.');
  return given.data;
};

const claimIn = (payload: JWTPayload, claim: string): unknown =>
  Object.hasOwn(payload, claim)
    ? payload[claim]
    : claim.split('.').reduce<unknown>((value, name) => {
        const isObject = typeof value === 'object' && value !== null && Object.hasOwn(value, name);
        return isObject ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined;
      }, payload);
