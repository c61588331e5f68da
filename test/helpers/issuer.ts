import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import { once } from 'node:events';
import { createServer } from 'node:http';

export type IssuerKey = {
  readonly kid: string;
  readonly algorithm: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly jwk: JWK;
};

/** An issuer of OIDC on loopback that serves its metadata and its keys; both are the test's to change. */
export type Issuer = {
  readonly url: string;
  /** The keys that it serves. */
  published: readonly JWK[];
  /** It answers 503 to everything. */
  isAway: boolean;
  /** The issuer that its metadata name; itself, where it is undefined. */
  named: string | undefined;
  /** How often it was asked. */
  asked: number;
  readonly stop: () => Promise<void>;
};

export const startIssuer = async (): Promise<Issuer> => {
  const server = createServer((request, response) => {
    issuer.asked++;
    const isMetadata = request.url === '/.well-known/openid-configuration';
    const { url, named, published } = issuer;
    const body = isMetadata ? { issuer: named ?? url, jwks_uri: `${url}/keys` } : { keys: published };
    response.writeHead(issuer.isAway ? 503 : 200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const issuer: Issuer = {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    published: [],
    isAway: false,
    named: undefined,
    asked: 0,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return issuer;
};

export const makeIssuerKey = async (kid: string, algorithm = 'RS256'): Promise<IssuerKey> => {
  const { privateKey, publicKey } = await generateKeyPair(algorithm);
  const jwk = { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' };
  return { kid, algorithm, privateKey, publicKey, jwk };
};

export const signToken = (claims: JWTPayload, { kid, algorithm, privateKey }: IssuerKey): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg: algorithm, kid }).sign(privateKey);

/** Claims that are good for a minute; others in their place, and `undefined` for none. */
export const goodClaims = (issuer: Pick<Issuer, 'url'>, change: JWTPayload = {}): JWTPayload => {
  const exp = Math.floor(Date.now() / 1000) + 60;
  const all = { iss: issuer.url, aud: 'reachback', sub: 'ada', exp, reachback_role: 'operator', ...change };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
};
