import { headers, type Msg } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { publishedKinds, requestKinds } from '#contracts';
import { until } from '../helpers/conditions.js';
import { type LogReader, openLog } from '../helpers/log.js';
import { startSystem, type System } from '../helpers/system.js';

const good = Array.from({ length: 20 }, (_, i) => `good-${i}`);
/** They beat among the bad messages that others send. */
const beating = Array.from({ length: 20 }, (_, i) => `beating-${i}`);
const bad = 10_000;

let system: System;
let log: LogReader;

beforeAll(async () => {
  system = await startSystem();
  log = openLog(system.databaseUrl);
  await Promise.all([...good, ...beating].map((id) => system.request(id, 'register', { ips: ['10.0.0.1'] })));
});
afterAll(async () => {
  await log.end();
  await system.stop();
});

const ask = (subject: string, payload: string | Uint8Array) =>
  system.nats.request(subject, payload, { timeout: 10_000 });
const codeOf = (message: Msg) => message.headers?.get('Nats-Service-Error-Code');

const deep = '['.repeat(5_000) + ']'.repeat(5_000);
/** What may come as any payload, and the code it is refused with. */
const payloads: readonly (readonly [string, string | Uint8Array, string])[] = [
  ['not JSON', 'hello', 'bad_json'],
  ['half JSON', '{"ips":', 'bad_json'],
  ['not UTF-8', new Uint8Array([0xff, 0xfe, 0x7b]), 'bad_json'],
  ['NUL in a string', '{"ips":["\\u0000"]}', 'bad_json'],
  ['NUL in a key', '{"a\\u0000b":1}', 'bad_json'],
  ['a lone surrogate', '{"x":"\\ud800"}', 'bad_json'],
  ['deep nesting', deep, 'bad_json'],
  ['oversize', JSON.stringify({ x: 'y'.repeat(70_000) }), 'too_large'],
];
/** What is JSON, but not what a request may hold. */
const shapes: readonly (readonly [string, unknown])[] = [
  ['a list', []],
  ['a number', 42],
  ['null', null],
  ['ips that is no list', { ips: '10.0.0.1' }],
  ['an ip that is none', { ips: ['10.0.0.999'] }],
  ['installed of the wrong type', { installed: { engine: 9 } }],
  ['a revision that is none', { settingsRevision: '-1' }],
  ['a time that is none', { time: 'yesterday' }],
];

describe('a request with bad content gets a clear error', () => {
  test.each(payloads)('%s', async (_, payload, code) => {
    for (const kind of requestKinds) {
      const answer = await ask(`reachback.v1.good-1.${kind}`, payload);
      expect([kind, codeOf(answer)]).toEqual([kind, code]);
      expect(answer.json()).toMatchObject({ error: { code, message: expect.any(String) } });
    }
  });

  test.each(shapes)('%s', async (_, value) => {
    for (const kind of requestKinds.filter((other) => other !== 'ack')) {
      const content =
        kind === 'update' && value !== null && typeof value === 'object' && !Array.isArray(value)
          ? { trigger: 'manual', ...value }
          : value;
      expect([kind, codeOf(await ask(`reachback.v1.good-1.${kind}`, JSON.stringify(content)))]).toEqual([
        kind,
        'bad_request',
      ]);
    }
  });

  test('ack and update say which field is wrong', async () => {
    expect((await ask('reachback.v1.good-1.update', '{}')).json()).toMatchObject({
      error: { message: expect.stringContaining('trigger') },
    });
    const results = [{ kind: 'update', component: 'engine', outcome: 'maybe' }];
    expect((await ask('reachback.v1.good-1.ack', JSON.stringify({ results }))).json()).toMatchObject({
      error: { code: 'bad_request', message: expect.stringContaining('results.0') },
    });
  });

  test('unknown clients, ids that are none, and subjects of the wrong depth', async () => {
    for (const kind of requestKinds.filter((other) => other !== 'register')) {
      const payload = { update: '{"trigger":"manual"}', ack: '{"results":[]}' }[kind as string] ?? '{}';
      expect([kind, codeOf(await ask(`reachback.v1.nobody.${kind}`, payload))]).toEqual([kind, 'not_registered']);
    }
    for (const id of ['has$sign', 'ümlaut', 'x'.repeat(65)])
      expect(codeOf(await ask(`reachback.v1.${id}.register`, ''))).toBe('bad_client_id');
    for (const subject of ['reachback.v1.good-1', 'reachback.v1.good-1.poll.now', 'reachback.v1.a.b.c.d']) {
      expect([subject, codeOf(await ask(subject, ''))]).toEqual([subject, 'bad_subject']);
    }
  });
});

test('10,000 bad messages among good ones harm none of them', async () => {
  const random = (below: number) => Math.floor(Math.random() * below);
  const contents = [
    ...payloads.map(([, payload]) => payload),
    ...shapes.map(([, value]) => JSON.stringify(value)),
  ].filter((content) => content.length < 65_536);
  let beats = 0;
  for (let i = 0; i < bad; i++) {
    const kinds = [...publishedKinds, ...requestKinds];
    const kind = kinds[random(kinds.length)] ?? 'heartbeat';
    // Anything goes as logs, and a goodbye means what it says.
    const content =
      kind === 'logs' || kind === 'stop' || kind === 'uninstall'
        ? contents[random(5)]
        : contents[random(contents.length)];
    const who = random(3) === 0 ? 'nobody' : good[random(good.length)];
    const noise = random(10) === 0 ? randomBytes(random(200) + 1) : content;
    system.nats.publish(
      `reachback.v1.${who}.${kind === 'stop' || kind === 'uninstall' ? 'heartbeat' : kind}`,
      noise ?? 'x',
    );
    if (i % 10 === 0) {
      system.nats.publish(`reachback.v1.${beating[beats++ % beating.length]}.heartbeat`);
    }
    if (i % 500 === 0) await system.nats.flush();
  }
  await system.nats.flush();
  const logged = await until(
    async () => {
      const inLog = await log.contacts('heartbeat');
      return beating.reduce((sum, id) => sum + (inLog.get(id) ?? 0), 0);
    },
    (count) => count >= beats,
  );
  expect(logged).toBe(beats);
  for (const id of [...good, ...beating]) {
    expect(await system.request(id, 'poll', {})).toMatchObject({ more: false });
    expect(await system.client(id)).toMatchObject({ status: 'Online' });
  }
  const rejects = await until(
    () => system.rest.get<{ counts: Record<string, number>; samples: unknown[] }>('/v1/rejects'),
    ({ counts }) => Object.values(counts).reduce((sum, count) => sum + count, 0) >= bad,
  );
  expect(rejects.counts).toMatchObject({
    bad_json: expect.any(Number),
    bad_request: expect.any(Number),
    not_registered: expect.any(Number),
  });
  expect(rejects.samples.length).toBeGreaterThan(0);
  expect(await log.gaps()).toBe(0);
  expect(system.server.process.exitCode).toBe(null);
}, 120_000);

describe('a REST request with bad content gets a problem with a code', () => {
  const problem = {
    code: expect.any(String),
    title: expect.any(String),
    status: expect.any(Number),
    detail: expect.any(String),
  };
  const cases: readonly (readonly [string, string, unknown, number, string])[] = [
    ['GET', '/v1/clients?limit=0', undefined, 400, 'bad_request'],
    ['GET', '/v1/clients?status=Sleeping', undefined, 400, 'bad_request'],
    ['GET', '/v1/clients?cursor=nonsense', undefined, 400, 'bad_request'],
    ['GET', '/v1/clients?q=%00', undefined, 400, 'bad_json'],
    ['GET', '/v1/clients?label=os', undefined, 400, 'bad_request'],
    ['GET', '/v1/clients/nobody', undefined, 404, 'not_registered'],
    ['GET', '/v1/clients/no%20body', undefined, 400, 'bad_request'],
    ['GET', '/v1/clients/good-1?asOf=yesterday', undefined, 400, 'bad_request'],
    ['PATCH', '/v1/clients/good-1', { group: '/a//b/' }, 400, 'bad_request'],
    ['PATCH', '/v1/clients/good-1', { colour: 'red' }, 400, 'bad_request'],
    ['PATCH', '/v1/clients/good-1', '{"name":', 400, 'bad_request'],
    ['PATCH', '/v1/clients/good-1', { name: 'a\u0000b' }, 400, 'bad_json'],
    ['PATCH', '/v1/settings', [1, 2], 400, 'bad_request'],
    ['PATCH', '/v1/settings', { reachback: { offlineAfter: 'PT1S' } }, 422, 'policy_out_of_range'],
    ['PATCH', '/v1/settings', { reachback: { heartbeat: { interval: 'soon' } } }, 422, 'policy_out_of_range'],
    ['PATCH', '/v1/clients/nobody/settings', {}, 404, 'not_registered'],
    ['PUT', '/v1/networks', [{ name: 'a', ranges: ['10.0.0.9-10.0.0.1'] }], 400, 'bad_request'],
    ['PUT', '/v1/networks', { name: 'a' }, 400, 'bad_request'],
    ['POST', '/v1/components/engine/releases', { version: '1' }, 400, 'bad_request'],
    ['GET', '/v1/releases/42', undefined, 400, 'bad_request'],
    ['GET', '/v1/releases/00000000-0000-4000-8000-000000000000', undefined, 404, 'not_found'],
    ['GET', '/v1/events?type=nonsense', undefined, 400, 'bad_request'],
    ['GET', '/v1/events?after=-1', undefined, 400, 'bad_request'],
    ['GET', '/v1/nothing', undefined, 404, 'not_found'],
    ['POST', '/v1/settings', {}, 405, 'method_not_allowed'],
    ['PATCH', '/v1/settings', '', 400, 'bad_request'],
  ];
  test.each(cases)('%s %s %j is %i %s', async (method, path, body, status, code) => {
    const answer = await system.rest.send(method, path, body);
    expect([answer.status, (answer.body as { code: string }).code]).toEqual([status, code]);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.body).toMatchObject({ ...problem, status });
  });

  test('no key, a wrong key, a body of another type, and one that is too large', async () => {
    const { url } = system.server;
    const none = await fetch(`${url}/v1/fleet`);
    expect([none.status, none.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect((await fetch(`${url}/v1/fleet`, { headers: { Authorization: 'Bearer wrong' } })).status).toBe(401);
    expect((await system.rest.send('PATCH', '/v1/settings', 'a=b', { 'Content-Type': 'text/csv' })).status).toBe(415);
    expect((await system.rest.send('PATCH', '/v1/settings', { x: 'y'.repeat(5_000_000) })).status).toBe(413);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });
});

describe('what is not asked for is not read', () => {
  test.each([
    ['a body that is no JSON', '{"name":', 'application/json'],
    ['a body of another type', 'a,b', 'text/csv'],
    ['a body that is too large', 'x'.repeat(5_000_000), 'application/json'],
  ])('without a key %s is answered 401', async (_, body, type) => {
    const answer = await fetch(`${system.server.url}/v1/settings`, {
      method: 'PATCH',
      headers: { 'Content-Type': type },
      body,
    });
    expect([answer.status, await answer.json()]).toMatchObject([401, { code: 'unauthorized' }]);
  });

  test('a method that a path does not have is answered 405, with those that it has', async () => {
    for (const [method, body] of [
      ['POST', '{"half":'],
      ['DELETE', undefined],
      ['OPTIONS', undefined],
    ] as const) {
      const answer = await system.rest.send(method, '/v1/settings', body);
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD, PATCH']);
      expect(answer.body).toMatchObject({ code: 'method_not_allowed' });
    }
    const nested = await system.rest.send('PUT', '/v1/groups/paris%2Fdesktops/settings', {});
    expect([nested.status, nested.headers.get('allow')]).toEqual([405, 'GET, HEAD, PATCH']);
  });
});

test('no body is none, though it is said to be JSON', async () => {
  const { status } = await system.rest.send('DELETE', '/v1/clients/good-3', '');
  expect(status).toBe(204);
});

test('a header that is too long as a message id is cut, not refused', async () => {
  const h = headers();
  h.set('Nats-Msg-Id', 'x'.repeat(1_000));
  const answer = await system.nats.request('reachback.v1.good-2.poll', '', { headers: h, timeout: 5_000 });
  expect(answer.json()).toMatchObject({ more: false });
});
