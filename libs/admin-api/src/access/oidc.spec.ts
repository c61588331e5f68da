import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from 'jose';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { createOidc, isToken } from './oidc.js';

/** An issuer over HTTP whose keys are the test's to change. */
let server: Server;
let issuer: string;
let published: JWK[] = [];
let isAway = false;
let named: string | undefined;
let asked = 0;

const audience = 'reachback';
type Pair = { readonly kid: string; readonly privateKey: CryptoKey; readonly publicKey: CryptoKey };

const makePair = async (kid: string, algorithm = 'RS256'): Promise<Pair & { readonly jwk: JWK }> => {
  const { privateKey, publicKey } = await generateKeyPair(algorithm);
  return { kid, privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' } };
};

let first: Awaited<ReturnType<typeof makePair>>;

beforeAll(async () => {
  server = createServer((request, response) => {
    asked++;
    const isMetadata = request.url === '/.well-known/openid-configuration';
    const body = isMetadata ? { issuer: named ?? issuer, jwks_uri: `${issuer}/keys` } : { keys: published };
    response.writeHead(isAway ? 503 : 200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  issuer = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  first = await makePair('first');
});
afterAll(() => void server.close());
beforeEach(() => {
  published = [first.jwk];
  isAway = false;
  named = undefined;
  asked = 0;
});

type Claims = { readonly [name: string]: unknown };
const now = () => Math.floor(Date.now() / 1000);
const good = (): Claims => ({ iss: issuer, aud: audience, sub: 'ada', exp: now() + 60, reachback_role: 'operator' });

const sign = (claims: Claims, { kid, privateKey }: Pair = first, alg = 'RS256'): Promise<string> =>
  new SignJWT({ ...claims }).setProtectedHeader({ alg, kid }).sign(privateKey);

const oidc = (more: { roleClaim?: string; groupClaim?: string } = {}) =>
  createOidc({ issuer, audience, roleClaim: 'reachback_role', ...more });
const refused = { code: 'unauthorized', message: 'The administrator key is missing or wrong' };

describe('tokens of an issuer', () => {
  test('a good one gives its subject the role that it says; keys are read once', async () => {
    const callerOf = oidc();
    const token = await sign(good());
    expect(isToken(token)).toBe(true);
    expect(await callerOf(token)).toMatchObject({
      actor: 'oidc:ada',
      key: 'oidc:ada',
      role: 'operator',
      isStored: false,
    });
    await callerOf(token);
    expect(asked).toBe(2);
  });

  test.each([
    ['of another issuer', () => ({ iss: 'https://other.example' })],
    ['for another audience', () => ({ aud: 'another' })],
    ['for none', () => ({ aud: undefined })],
    ['expired', () => ({ exp: now() - 10 })],
    ['without an expiry', () => ({ exp: undefined })],
    ['not valid yet', () => ({ nbf: now() + 60 })],
    ['about nobody', () => ({ sub: undefined })],
  ])('one %s is refused', async (_, change) => {
    const claims = Object.fromEntries(
      Object.entries({ ...good(), ...change() }).filter(([, value]) => value !== undefined),
    );
    await expect(oidc()(await sign(claims))).rejects.toMatchObject(refused);
  });

  test('one that nobody signed, one signed with HMAC by the public key, and one signed by another key are refused', async () => {
    const callerOf = oidc();
    const unsigned = new UnsecuredJWT(good()).encode();
    await expect(callerOf(unsigned)).rejects.toMatchObject(refused);
    const secret = new TextEncoder().encode(await exportSPKI(first.publicKey));
    const confused = await new SignJWT(good()).setProtectedHeader({ alg: 'HS256', kid: 'first' }).sign(secret);
    await expect(callerOf(confused)).rejects.toMatchObject(refused);
    const forged = await sign(good(), { ...(await makePair('x')), kid: 'first' });
    await expect(callerOf(forged)).rejects.toMatchObject(refused);
    const token = await sign(good());
    await expect(callerOf(`${token.slice(0, -8)}AAAAAAAA`)).rejects.toMatchObject(refused);
    await expect(callerOf('a.b.c')).rejects.toMatchObject(refused);
  });

  test('an issuer changes its keys: a token by a new one is good, one by a key that is gone is not', async () => {
    const second = await makePair('second', 'ES256');
    const callerOf = createOidc({ issuer, audience, roleClaim: 'reachback_role', cooldown: 0 });
    await callerOf(await sign(good()));
    published = [second.jwk];
    expect(await callerOf(await sign(good(), second, 'ES256'))).toMatchObject({ actor: 'oidc:ada' });
    await expect(callerOf(await sign(good()))).rejects.toMatchObject(refused);
  });

  test('tokens by unknown keys have the issuer asked once in a while, not every time', async () => {
    const callerOf = oidc();
    const unknown = await sign(good(), { ...first, kid: 'unknown' });
    for (let times = 0; times < 5; times++) await expect(callerOf(unknown)).rejects.toMatchObject(refused);
    expect(asked).toBeLessThanOrEqual(3);
  });

  test('while the issuer is away, or is another than it says, nobody is let in, and nobody is told that his token is wrong', async () => {
    const callerOf = oidc();
    const token = await sign(good());
    isAway = true;
    await expect(callerOf(token)).rejects.toMatchObject({ code: 'unavailable' });
    isAway = false;
    named = 'https://other.example';
    await expect(callerOf(token)).rejects.toMatchObject({ code: 'unavailable' });
    named = undefined;
    expect(await callerOf(token)).toMatchObject({ role: 'operator' });
  });

  test('of several roles the highest counts, by a name or by dots into objects; of none, none', async () => {
    const lists = oidc({ roleClaim: 'realm_access.roles' });
    const roles = (...given: readonly string[]) => sign({ ...good(), realm_access: { roles: given } });
    expect((await lists(await roles('viewer', 'other', 'admin'))).role).toBe('admin');
    await expect(lists(await roles('root'))).rejects.toMatchObject({ code: 'forbidden' });
    await expect(lists(await sign(good()))).rejects.toMatchObject({ code: 'forbidden' });
    const named = oidc({ roleClaim: 'https://reachback.example/role' });
    expect((await named(await sign({ ...good(), 'https://reachback.example/role': 'viewer' }))).role).toBe('viewer');
  });

  test('with a claim for the group a token is limited to it, and one without the claim is not let in', async () => {
    const limited = oidc({ groupClaim: 'site' });
    expect((await limited(await sign({ ...good(), site: 'paris' }))).scope.group).toBe('paris');
    await expect(limited(await sign(good()))).rejects.toMatchObject({ code: 'forbidden' });
    await expect(limited(await sign({ ...good(), site: ['paris'] }))).rejects.toMatchObject({ code: 'forbidden' });
    expect((await oidc()(await sign({ ...good(), site: 'paris' }))).scope.isFleet).toBe(true);
  });
});
