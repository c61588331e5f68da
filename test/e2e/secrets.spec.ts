import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connect, jwtAuthenticator } from '@nats-io/transport-node';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startAgentProcess } from '../helpers/agent-process.js';
import { commandLines } from '../helpers/command-lines.js';
import { until } from '../helpers/conditions.js';
import { goodClaims, type Issuer, makeIssuerKey, signToken, startIssuer } from '../helpers/issuer.js';
import { makeSecret } from '../helpers/mqtt.js';
import { restClient, type RestAnswer } from '../helpers/rest.js';
import { makeToken } from '../helpers/secure-system.js';
import { inParallelPorts, type Up, type UpFolder, upFolder, type UpReady } from '../helpers/up-process.js';

/** Every secret there is, by what it is; and everything that others may get to see, by where. */
const secrets = new Map<string, string>();
const seen = new Map<string, string>();
const adminKey = 'planted-administrator-key-0123456789';

let dir: UpFolder;
let up: Up;
let ready: UpReady;
let issuer: Issuer;
let ca: string;

const keep = (what: string, secret: string | undefined): string => {
  if (!secret || secret.length < 12) throw new Error(`no secret to look for: ${what}`);
  secrets.set(what, secret);
  return secret;
};
/** What of a PEM, a seed or a file of credentials nobody else has: its longest line is enough to know it by. */
const longestLine = (text: string): string => text.split('\n').toSorted((a, b) => b.length - a.length)[0] ?? '';
const secretOf = (file: string, text: string): string =>
  file.endsWith('.creds') ? (/^SU\w+$/m.exec(text)?.[0] ?? '') : longestLine(text);
const inData = (...path: readonly string[]): string => join(dir.data, ...path);

beforeAll(async () => {
  [dir, issuer] = await Promise.all([upFolder(), startIssuer()]);
  const oidc = { REACHBACK_OIDC_ISSUER: issuer.url, REACHBACK_OIDC_AUDIENCE: 'reachback' };
  const env = { ...(await inParallelPorts()), ...oidc, REACHBACK_ADMIN_KEY: adminKey, REACHBACK_LOG_LEVEL: 'trace' };
  up = dir.start(env, ['--tls', '--demo', '3']);
  await until(up.output, (text) => text.includes('Logs: '), { seconds: 120 });
  const [, url = '', natsUrl = ''] = /REST (\S+), agents (\S+)/.exec(up.output()) ?? [];
  ca = await readFile(inData('tls', 'ca.pem'), 'utf8');
  ready = { url, natsUrl, key: adminKey, rest: restClient({ url, key: adminKey, ca }) };
}, 240_000);
afterAll(async () => {
  await dir.end();
  await issuer.stop();
});

const send = async (key: string, method: string, path: string, body?: unknown): Promise<RestAnswer> => {
  const answer = await restClient({ url: ready.url, key, ca }).send(method, path, body);
  seen.set(
    `the answer ${answer.status} to ${method} ${path.split('?')[0]} (${seen.size})`,
    JSON.stringify(answer.body),
  );
  return answer;
};

/** A secret in every place of a request where somebody might put it by mistake. */
const misplace = async (secret: string): Promise<void> => {
  const text = encodeURIComponent(secret);
  // It is the asker's own, but it must not be kept: only the server's side is looked at.
  const own = restClient({ url: ready.url, key: secret.replace(/\s/g, ''), ca });
  await own.send('GET', '/v1/clients');
  await own.send('POST', '/v1/enrolments', { token: secret, clientId: 'misplaced', publicKey: secret });
  await own.send('PATCH', '/v1/settings', `{"scan": "${text}"`);
};

test('secrets are planted: a fleet is enrolled, works, and much of what can go wrong does', async () => {
  keep('the administrator key', adminKey);
  keep('the password of the database', (await readFile(inData('postgres', 'password'), 'utf8')).trim());
  for (const file of ['ca-key.pem', 'key.pem']) {
    keep(`tls/${file}`, longestLine(await readFile(inData('tls', file), 'utf8')));
  }
  const keys = inData('nats', 'keys');
  for (const file of await readdir(keys))
    keep(`nats/keys/${file}`, secretOf(file, await readFile(join(keys, file), 'utf8')));

  const made = await makeToken(ready.rest);
  keep('a token of enrolment', made.token.split('.')[1]);
  keep('the JWT of a token of enrolment', made.token.split('.').slice(2).join('.'));
  const tokenFile = join(dir.folder, 'token');
  await writeFile(tokenFile, made.token, { mode: 0o600 });
  const state = join(dir.folder, 'agents');
  const trust = ['--server', ready.natsUrl, '--ca', inData('tls', 'ca.pem'), '--state', state];
  const agent = startAgentProcess(['--id', 'pc-1', ...trust, '--enrol-file', tokenFile]);
  await until(() => agent.output().includes('heartbeat') || agent.output().includes('poll'), Boolean, { seconds: 60 });
  const credentials = await readFile(join(state, 'pc-1', 'agent.creds'), 'utf8');
  const [jwt = '', seed = ''] = [/^eyJ\S+$/m.exec(credentials)?.[0], /^SU\w+$/m.exec(credentials)?.[0]];
  keep('the JWT of an agent', jwt);
  keep('the seed of an agent', seed);

  const { token } = await makeToken(ready.rest);
  const secret = keep('the secret of a device', makeSecret());
  const device = await ready.rest.send<{ jwt: string }>('POST', '/v1/enrolments', {
    token,
    clientId: 'mqtt-1',
    secret,
  });
  keep('the password of a device', device.body.jwt);
  const { body: key } = await ready.rest.send<{ key: string }>('POST', '/v1/keys', { name: 'eve', role: 'viewer' });
  keep('a key that an administrator made', key.key);
  const signing = await makeIssuerKey('first');
  issuer.published = [signing.jwk];
  const good = keep('a token of the issuer', await signToken(goodClaims(issuer), signing));
  const expired = keep('an expired token of the issuer', await signToken(goodClaims(issuer, { exp: 1 }), signing));

  expect((await send(good, 'GET', '/v1/clients')).status).toBe(200);
  expect((await send(expired, 'GET', '/v1/clients')).status).toBe(401);
  expect((await send(key.key, 'PATCH', '/v1/settings', { a: 1 })).status).toBe(403);
  expect((await send(adminKey, 'POST', '/v1/enrolments', { token: 'none', clientId: 'x' })).status).toBe(400);
  for (const path of [
    '/v1/events?limit=1000',
    '/v1/audit?limit=1000',
    '/v1/enrolment-tokens',
    '/v1/enrolments',
    '/v1/keys',
  ]) {
    expect((await send(adminKey, 'GET', path)).status).toBe(200);
  }
  expect((await send(adminKey, 'GET', '/v1/clients/pc-1/credentials')).status).toBe(200);
  for (const one of [good, made.token, jwt, key.key, device.body.jwt]) await misplace(one);

  const nats = await connect({
    servers: ready.natsUrl,
    tls: { ca },
    authenticator: jwtAuthenticator(jwt, new TextEncoder().encode(seed)),
    inboxPrefix: '_INBOX.pc-1',
    timeout: 20_000,
  });
  for (const [kind, payload] of [
    ['poll', 'not JSON'],
    ['poll', '{"ips": 5}'],
    ['renew', '{"publicKey": "none"}'],
    ['ack', '{"results": 1}'],
  ] as const) {
    const answer = await nats.request(`reachback.v1.pc-1.${kind}`, payload, { timeout: 20_000 });
    seen.set(`the answer over NATS to ${kind} ${payload}`, answer.string());
    expect(answer.json()).toMatchObject({ error: { code: expect.any(String) } });
  }
  await nats.close();
  await ready.rest.send('POST', '/v1/clients/pc-1/credentials/revoke');
  await until(() => agent.output().includes('takes this credential no longer'));
  const again = startAgentProcess(['--id', 'pc-1', ...trust, '--enrol-file', tokenFile]);
  await again.exited;
  const wrong = await fetchText('/metrics', 'wrong');
  seen.set('the answer to a wrong key', wrong);
  seen.set('/metrics', await fetchText('/metrics', adminKey));
  seen.set('what the agent prints', agent.output());
  seen.set('what a refused agent prints', again.output());
  seen.set('all command lines', (await commandLines()).join('\n'));
  await agent.end('SIGTERM');
}, 240_000);

const fetchText = async (path: string, key: string): Promise<string> => {
  const { webRequest } = await import('#tls');
  return (await webRequest(`${ready.url}${path}`, { headers: { Authorization: `Bearer ${key}` }, ca })).text;
};

test('none of them is in what programs log and print, what is answered, metrics, or command lines', async () => {
  seen.set('what `up` prints', up.output());
  for (const file of await readdir(inData('logs'))) {
    seen.set(`logs/${file}`, await readFile(inData('logs', file), 'utf8'));
  }
  // It would find them: here is where they ought to be, and here is that it has read what it should.
  expect(seen.get('logs/server.log')).toContain('"server started"');
  expect(seen.get('all command lines')).toContain('dist/apps/server/src/bundle.js');
  expect(seen.get('all command lines')).toContain('postgres');
  expect(seen.get('/metrics')).toContain('reachback_info');
  expect(secrets.size).toBeGreaterThanOrEqual(16);
  const found = [...seen].flatMap(([where, text]) =>
    [...secrets].filter(([, secret]) => text.includes(secret)).map(([what]) => `${what} in ${where}`),
  );
  expect(found).toEqual([]);
});
