import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { exportSPKI, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { createTestDatabase, startTestNats, type TestServer } from '#embedded';
import { until } from '../helpers/conditions.js';
import { goodClaims, type Issuer, type IssuerKey, makeIssuerKey, signToken, startIssuer } from '../helpers/issuer.js';
import { type RestAnswer, restClient } from '../helpers/rest.js';
import { type ServerProcess, startServerProcess } from '../helpers/server-process.js';

type Problem = { readonly code?: string; readonly detail?: string };

/** The built server, told of an issuer by its environment. */
describe('tokens of an issuer, at a running server', () => {
  let issuer: Issuer;
  let first: IssuerKey;
  let broker: TestServer;
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  const running: ServerProcess[] = [];

  const startServer = async (env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> => {
    const oidc = { REACHBACK_OIDC_ISSUER: issuer.url, REACHBACK_OIDC_AUDIENCE: 'reachback', ...env };
    const server = await startServerProcess({ natsUrl: broker.url, databaseUrl: database.url, env: oidc });
    running.push(server);
    await until(() => restClient(server).get('/readyz'));
    return server;
  };
  const as = (server: ServerProcess, key: string) => ({
    read: (): Promise<RestAnswer<Problem>> => restClient({ url: server.url, key }).send('GET', '/v1/clients'),
    write: (): Promise<RestAnswer<Problem>> =>
      restClient({ url: server.url, key }).send('PATCH', '/v1/settings', { scan: { by: key.slice(-8) } }),
    administer: (): Promise<RestAnswer<Problem>> => restClient({ url: server.url, key }).send('GET', '/v1/keys'),
  });
  const token = (change: JWTPayload = {}, key: IssuerKey = first) => signToken(goodClaims(issuer, change), key);

  let server: ServerProcess;
  beforeAll(async () => {
    [issuer, first, broker, database] = await Promise.all([
      startIssuer(),
      makeIssuerKey('first'),
      startTestNats(),
      createTestDatabase(),
    ]);
    server = await startServer();
  }, 120_000);
  beforeEach(() => {
    issuer.published = [first.jwk];
    issuer.isAway = false;
  });
  afterAll(async () => {
    for (const one of running) await one.stop();
    await issuer.stop();
    await broker.stop();
    await database.drop();
  });

  test.each([
    ['viewer', [200, 403, 403]],
    ['operator', [200, 200, 403]],
    ['admin', [200, 200, 200]],
    [
      ['viewer', 'admin', 'other'],
      [200, 200, 200],
    ],
    ['root', [403, 403, 403]],
    [undefined, [403, 403, 403]],
  ])(
    'a token with the role %j may do what the role may: read, write, administer are answered %j',
    async (role, may) => {
      const bearer = as(server, await token({ reachback_role: role }));
      const answers = [await bearer.read(), await bearer.write(), await bearer.administer()];
      expect(answers.map(({ status }) => status)).toEqual(may);
    },
  );

  test('what its bearer does is in the log under the subject of the token', async () => {
    expect((await as(server, await token({ sub: 'grace' })).write()).status).toBe(200);
    const facts = await restClient(server).get<{ items: readonly { readonly meta: object }[] }>(
      '/v1/events?type=settings-changed',
    );
    expect(facts.items.map(({ meta }) => meta)).toContainEqual(expect.objectContaining({ actor: 'oidc:grace' }));
  });

  test('with other claims named, they say the role and the group', async () => {
    const limited = await startServer({
      REACHBACK_OIDC_ROLE_CLAIM: 'realm_access.roles',
      REACHBACK_OIDC_GROUP_CLAIM: 'site',
    });
    const change = { reachback_role: undefined, realm_access: { roles: ['operator'] }, site: 'paris' };
    expect((await as(limited, await token(change)).read()).status).toBe(200);
    // The fleet's settings are not Paris's to change.
    expect((await as(limited, await token(change)).write()).status).toBe(403);
    expect((await as(limited, await token({ ...change, site: undefined })).read()).status).toBe(403);
    expect((await as(limited, await token()).read()).status).toBe(403);
  });

  test.each<[string, () => Promise<string>]>([
    ['that has expired', () => token({ exp: Math.floor(Date.now() / 1000) - 10 })],
    ['that never expires', () => token({ exp: undefined })],
    ['for another audience', () => token({ aud: 'another' })],
    ['for no audience', () => token({ aud: undefined })],
    ['of another issuer', () => token({ iss: 'https://other.example' })],
    ['that nobody signed (alg: none)', async () => new UnsecuredJWT(goodClaims(issuer)).encode()],
    [
      'signed with HMAC by the public key',
      async () =>
        new SignJWT(goodClaims(issuer))
          .setProtectedHeader({ alg: 'HS256', kid: 'first' })
          .sign(new TextEncoder().encode(await exportSPKI(first.publicKey))),
    ],
    ['signed by another under the id of a key', async () => token({}, { ...(await makeIssuerKey('x')), kid: 'first' })],
  ])('one %s is refused, and not told why', async (_what, make) => {
    const { status, body } = await as(server, await make()).read();
    expect({ status, code: body.code }).toEqual({ status: 401, code: 'unauthorized' });
    expect(JSON.stringify(body)).not.toMatch(/expired|audience|issuer|signature|alg/i);
    // Wrong ones make their address wait; a right one is let in all the same.
    expect((await as(server, await token()).read()).status).toBe(200);
  });

  test('the issuer changes its keys: a new one is fetched, and one that was withdrawn is good no more', async () => {
    const second = await makeIssuerKey('second', 'ES256');
    const rotated = await startServer();
    const old = await token({ exp: Math.floor(Date.now() / 1000) + 600 });
    expect((await as(rotated, old).read()).status).toBe(200);
    issuer.published = [first.jwk, second.jwk];
    // It is not asked for an unknown key more than once in a few seconds.
    await until(async () => (await as(rotated, await token({}, second)).read()).status === 200, Boolean, {
      seconds: 90,
      pause: 500,
    });
    expect((await as(rotated, old).read()).status).toBe(200);
    issuer.published = [second.jwk];
    const third = await makeIssuerKey('third');
    // Whatever has the keys read again: here a token by one that is not known.
    await until(
      async () => {
        await as(rotated, await token({}, third)).read();
        // 429 in place of 401, where so many wrong ones have come that their sender has to wait.
        return [401, 429].includes((await as(rotated, old).read()).status);
      },
      Boolean,
      { seconds: 90, pause: 500 },
    );
    expect((await as(rotated, await token({}, second)).read()).status).toBe(200);
  }, 240_000);

  test('while the issuer is away keys are as good as ever, and who has a token is told that it is not his fault', async () => {
    issuer.isAway = true;
    const fresh = await startServer();
    const { status, body, headers } = await as(fresh, await token()).read();
    expect({ status, code: body.code }).toEqual({ status: 503, code: 'unavailable' });
    expect(body.detail).toContain('issuer');
    expect(headers.get('retry-after')).toBe('5');
    expect((await as(fresh, fresh.key).administer()).status).toBe(200);
    // The server that has read the issuer's keys goes on with them.
    expect((await as(server, await token()).read()).status).toBe(200);
    issuer.isAway = false;
    expect((await as(fresh, await token()).read()).status).toBe(200);
  }, 120_000);
});
