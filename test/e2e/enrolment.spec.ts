import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { jwtAuthenticator, connect } from '@nats-io/transport-node';
import { brokersToTry } from '../helpers/secure-broker.js';
import { makeKey, makeToken, type SecureSystem, startSecureSystem } from '../helpers/secure-system.js';
import { until } from '../helpers/conditions.js';

type Problem = { readonly code: string; readonly requestId: string };
type Enrolled = { readonly id: string; readonly state: string; readonly jwt: string };
type Tokens = { readonly items: readonly { readonly id: string; readonly used: number; readonly state: string }[] };

describe.each(brokersToTry)('enrolment, with %s', (_, program) => {
  let system: SecureSystem;

  beforeAll(async () => {
    system = await startSecureSystem(program);
  }, 240_000);
  afterAll(() => system.stop());

  /** As an agent: without an administrator's key. */
  const enrol = async (token: string, clientId: string, publicKey = makeKey().publicKey) => {
    const answer = await fetch(`${system.server.url}/v1/enrolments`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ token, clientId, publicKey }),
    });
    return { status: answer.status, body: (await answer.json()) as Enrolled & Problem };
  };
  const tokenOf = async (id: string) =>
    (await system.rest.get<Tokens>('/v1/enrolment-tokens')).items.find((item) => item.id === id);

  test('the uses of a token are counted exactly, however many come at once', async () => {
    const { id, token } = await makeToken(system.rest, { uses: 5 });
    const key = makeKey().publicKey;
    const same = Array.from({ length: 10 }, () => enrol(token, 'same', key));
    const answers = await Promise.all([...same, ...Array.from({ length: 20 }, (__, i) => enrol(token, `many-${i}`))]);
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    const repeated = answers.slice(0, 10).filter(({ status }) => status === 200).length;
    expect([0, 10]).toContain(repeated);
    expect(count(200) - Math.max(repeated - 1, 0)).toBe(5);
    expect(await tokenOf(id)).toMatchObject({ used: 5, state: 'used-up' });
  });

  test('the same key and id get the same answer again, also by a token that is used up', async () => {
    const { id, token } = await makeToken(system.rest);
    const key = makeKey().publicKey;
    const first = await enrol(token, 'again', key);
    const again = await enrol(token, 'again', key);
    expect(again.status).toBe(200);
    expect({ ...again.body, jwt: '', time: '' }).toEqual({ ...first.body, jwt: '', time: '' });
    expect(await tokenOf(id)).toMatchObject({ used: 1 });
  });

  test('a token that is unknown, wrong, expired, used up or deleted gets one and the same answer', async () => {
    const used = await makeToken(system.rest);
    expect((await enrol(used.token, 'first-of-two')).status).toBe(200);
    const expired = await makeToken(system.rest, { expiresIn: 'PT0.001S' });
    const deleted = await makeToken(system.rest);
    expect((await system.rest.send('DELETE', `/v1/enrolment-tokens/${deleted.id}`)).status).toBe(204);
    const wrong = used.token.replace(/\.[^.]+\./, `.${'x'.repeat(43)}.`);
    const unknown = `00000000-0000-4000-8000-000000000000.${'x'.repeat(43)}.a.b.c`;
    const tokens = [used.token, expired.token, deleted.token, wrong, unknown, 'nonsense'];
    const answers = await Promise.all(tokens.map((token) => enrol(token, 'second-of-two')));
    const [first] = answers;
    expect(first).toMatchObject({ status: 401, body: { code: 'enrolment_token_invalid' } });
    for (const { status, body } of answers) {
      expect({ status, body: { ...body, requestId: '' } }).toEqual({
        ...first,
        body: { ...first?.body, requestId: '' },
      });
    }
  });

  test('an id that has a valid credential is given to no other key, until it is revoked', async () => {
    const { token } = await makeToken(system.rest, { uses: 3 });
    expect((await enrol(token, 'mine')).status).toBe(200);
    const second = makeKey().publicKey;
    expect(await enrol(token, 'mine', second)).toMatchObject({ status: 409, body: { code: 'client_id_taken' } });
    await system.rest.send('POST', '/v1/clients/mine/credentials/revoke');
    expect((await enrol(token, 'mine', second)).status).toBe(200);
  });

  test('a revoked key is never let in again, and no key speaks for two clients', async () => {
    const { token } = await makeToken(system.rest, { uses: 3 });
    const key = makeKey().publicKey;
    await enrol(token, 'one-key', key);
    expect(await enrol(token, 'other-id', key)).toMatchObject({ status: 409, body: { code: 'conflict' } });
    await system.rest.send('POST', '/v1/clients/one-key/credentials/revoke');
    const refused = { status: 403, body: { code: 'enrolment_refused' } };
    expect(await enrol(token, 'one-key', key)).toMatchObject(refused);
    const other = await makeToken(system.rest);
    expect(await enrol(other.token, 'one-key', key)).toMatchObject(refused);
  });

  test('a token may name the only id it is good for', async () => {
    const { token } = await makeToken(system.rest, { clientId: 'named' });
    expect(await enrol(token, 'else')).toMatchObject({ status: 400, body: { field: 'clientId' } });
    expect((await enrol(token, 'named')).status).toBe(200);
  });

  test('with approval a client waits, visible, until an administrator says yes, or no', async () => {
    const { id, token } = await makeToken(system.rest, { uses: 2, approval: true });
    const key = makeKey().publicKey;
    const asked = await enrol(token, 'waits', key);
    expect(asked).toMatchObject({ status: 202, body: { state: 'pending' } });
    const state = async (bearer: string) =>
      fetch(`${system.server.url}/v1/enrolments/${asked.body.id}`, { headers: { Authorization: `Bearer ${bearer}` } });
    expect((await state(token)).status).toBe(202);
    const elsewhere = await makeToken(system.rest);
    expect((await state(elsewhere.token)).status).toBe(401);

    const pending = await system.rest.get<Tokens>('/v1/enrolments?state=pending');
    expect(pending.items).toMatchObject([{ id: asked.body.id, clientId: 'waits', publicKey: key, token: id }]);
    const approved = await system.rest.send('POST', `/v1/enrolments/${asked.body.id}/approve`);
    expect(approved).toMatchObject({ status: 200, body: { state: 'approved', decidedBy: 'admin:default' } });
    expect(await (await state(token)).json()).toMatchObject({ state: 'approved', jwt: expect.stringMatching(/^eyJ/) });
    expect((await enrol(token, 'waits', key)).body.state).toBe('approved');

    const other = makeKey().publicKey;
    const second = await enrol(token, 'waits-in-vain', other);
    await system.rest.send('POST', `/v1/enrolments/${second.body.id}/refuse`);
    expect(await enrol(token, 'waits-in-vain', other)).toMatchObject({ status: 403 });
    expect(await system.rest.send('POST', `/v1/enrolments/${second.body.id}/approve`)).toMatchObject({ status: 409 });
    expect(await tokenOf(id)).toMatchObject({ used: 2 });
  });

  test('over NATS the bearer of a token speaks by it and by no other; deleted, it is cut off', async () => {
    const mine = await makeToken(system.rest, { uses: 2 });
    const other = await makeToken(system.rest);
    const nats = await connect({
      servers: system.broker.url,
      authenticator: jwtAuthenticator(mine.token.split('.').slice(2).join('.')),
      inboxPrefix: `_INBOX.${mine.id}`,
      maxReconnectAttempts: 0,
    });
    const ask = async (token: string, clientId: string, publicKey = makeKey().publicKey) =>
      (await nats.request(`reachback.enrol.v1.${mine.id}`, JSON.stringify({ token, clientId, publicKey }))).json();
    expect(await ask(mine.token, 'by-nats')).toMatchObject({ state: 'approved', jwt: expect.any(String) });
    const refused = { error: { code: 'enrolment_token_invalid' } };
    expect(await ask(other.token, 'by-another')).toMatchObject(refused);
    expect(await ask(mine.token, 'no key', 'x')).toMatchObject({ error: { code: 'bad_request' } });
    expect(await ask(mine.token, 'wrong-sum', `U${'A'.repeat(55)}`)).toMatchObject({ error: { code: 'bad_request' } });
    await system.rest.send('DELETE', `/v1/enrolment-tokens/${mine.id}`);
    await until(() => nats.isClosed());
  });

  test('a client renews its own key and nobody else’s', async () => {
    const { token } = await makeToken(system.rest, { uses: 2 });
    const [mine, others] = [makeKey(), makeKey()];
    const { body } = await enrol(token, 'renews', mine.publicKey);
    await enrol(token, 'renews-not', others.publicKey);
    const nats = await system.broker.connectWith(body.jwt, mine.seed, 'renews');
    const renew = async (publicKey: string) =>
      (await nats.request('reachback.v1.renews.renew', JSON.stringify({ publicKey }))).json();
    expect(await renew(mine.publicKey)).toMatchObject({ jwt: expect.stringMatching(/^eyJ/) });
    expect(await renew(others.publicKey)).toMatchObject({ error: { code: 'enrolment_refused' } });
    await nats.close();
  });

  test('the documents say how: without a key over HTTP, and over NATS', async () => {
    type OpenApi = { readonly paths: Record<string, Record<string, { readonly security?: unknown }>> };
    type AsyncApi = { readonly channels: Record<string, { readonly address: string }> };
    const { paths } = await system.rest.get<OpenApi>('/openapi.json');
    expect(paths['/v1/enrolments']?.['post']?.security).toEqual([{}]);
    const { channels } = await system.rest.get<AsyncApi>('/asyncapi.json');
    expect(channels['enrol']?.address).toBe('reachback.enrol.v1.{tokenId}');
    expect(channels['renew']?.address).toBe('reachback.v1.{clientId}.renew');
  });

  test('a token is shown once, also to who sends the request again', async () => {
    const send = () =>
      system.rest.send<{ id: string; token: string | null }>(
        'POST',
        '/v1/enrolment-tokens',
        {},
        { 'Idempotency-Key': 'x' },
      );
    const [first, again] = [await send(), await send()];
    expect(first.body.token).toMatch(/^[0-9a-f-]{36}\.[\w-]{43}\.eyJ/);
    expect(again.body).toEqual({ ...first.body, token: null });
  });

  test.each([
    { uses: 0 },
    { expiresIn: 'tomorrow' },
    { expiresIn: 'P400D' },
    { expiresAt: '2020-01-01T00:00:00Z' },
    { a: 1 },
  ])('a token as %p is refused', async (body) => {
    expect(await system.rest.send('POST', '/v1/enrolment-tokens', body)).toMatchObject({
      status: 400,
      body: { code: 'bad_request' },
    });
  });
});
