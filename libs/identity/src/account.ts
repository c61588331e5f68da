import { laneMappings, mappedSubjects } from '#contracts';
import { type Claims, encodeClaims } from './claims.js';
import type { Keys } from './keys.js';
import type { Signer } from './signer.js';

export const unlimited = {
  subs: -1,
  data: -1,
  payload: -1,
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: -1,
};

/** Whoever is in an account without permissions of his own may do nothing. */
export const nothing = { pub: { deny: ['>'] }, sub: { deny: ['>'] } };

const service = (subject: string) => ({ name: subject, subject, type: 'service' });
export const offer = (subject: string) => ({ ...service(subject), response_type: 'Singleton' });
export const use = (account: string) => (subject: string) => ({ ...service(subject), account });

/** What agents publish, under the names that mappings give it. */
export const mappedServices = (lanes: number): readonly string[] => (lanes > 1 ? mappedSubjects.all : []);

export const mappingsOf = (lanes: number) =>
  lanes > 1
    ? { mappings: Object.fromEntries(laneMappings(lanes).map(([from, subject]) => [from, [{ subject, weight: 100 }]])) }
    : {};

/** What a broker begins with is older than whatever is pushed: of two versions it keeps the one issued later. */
export const fromTheBeginning = { iat: 1 } as const;

export type Version = typeof fromTheBeginning | undefined;

/** The JWT of an account. */
export const account = (
  name: string,
  keys: Keys,
  key: Signer,
  version: Version,
  nats: Readonly<Record<string, unknown>>,
): string => {
  const claims: Claims = { sub: key.publicKey, name, ...version, nats: { type: 'account', ...nats } };
  return encodeClaims(claims, keys.operator);
};

/** Those whose JWTs were issued until a moment are shut out. */
export const revocationsOf = (revocations: ReadonlyMap<string, Date>) =>
  revocations.size === 0
    ? {}
    : { revocations: Object.fromEntries([...revocations].map(([key, at]) => [key, inSeconds(at)])) };

export const inSeconds = (date: Date): number => Math.floor(date.getTime() / 1000);
