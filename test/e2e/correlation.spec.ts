import { headers } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ErrorReply, FactMeta } from '#contracts';
import { until } from '../helpers/conditions.js';
import { deliveringOn } from '../helpers/delivering.js';
import { startSystem, type System } from '../helpers/system.js';

type Event = {
  readonly position: string;
  readonly type: string;
  readonly meta: FactMeta;
  readonly data: { cause?: string };
};
type Line = { readonly correlation?: string; readonly msg: string; readonly outcome?: string; readonly level: number };

let system: System;
const delivering = deliveringOn(() => system);

beforeAll(async () => {
  system = await startSystem({ logLevel: 'debug' });
  await system.rest.send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/8'] }]);
});
afterAll(() => system.stop());

const events = async (query: string) =>
  (await system.rest.get<{ items: Event[] }>(`/v1/events?limit=1000&${query}`)).items;
const linesOf = (correlation: string): readonly Line[] =>
  system.server
    .log()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line)
    .filter((line) => line.correlation === correlation);
/** What the log of the server says of a request, once it has been written. */
const untilLogged = (correlation: string) =>
  until(
    () => linesOf(correlation),
    (lines) => lines.length > 0,
  );
const named = ({ type, data, meta }: Event) => [data.cause ?? type, meta.correlation];

test('a poll with an id is found by it: in the log, and in every fact it led to', async () => {
  await system.request('pc-1', 'register', { ips: ['10.1.2.3'] });
  system.publish('pc-1', 'stop');
  await system.untilStatus('pc-1', 'Unreachable/Offline');
  await system.rest.send('PATCH', '/v1/settings', { scan: 'daily' });
  const before = (await events('client=pc-1')).length;

  await delivering.requestAs('poll-4711', 'pc-1', 'poll', { installed: { engine: '1' } });
  await system.untilStatus('pc-1', 'Unreachable/Online');

  const caused = (await events('client=pc-1')).slice(before);
  expect(caused.map(named).sort()).toEqual([
    ['client-reported', 'poll-4711'],
    ['poll', 'poll-4711'],
    ['work-delivered', 'poll-4711'],
  ]);
  const [line] = await untilLogged('poll-4711');
  expect(line).toMatchObject({
    msg: 'request answered',
    kind: 'poll',
    outcome: 'ok',
    subject: 'reachback.v1.pc-1.poll',
  });
});

test('one without an id gets one on its arrival; another of the same content another', async () => {
  await system.request('pc-2', 'register', { ips: ['10.1.2.4'] });
  await system.request('pc-2', 'update', { trigger: 'manual' });
  const [first] = (await events('client=pc-2&type=update-started')).map(({ meta }) => meta);
  expect(first?.correlation).toMatch(/^[0-9a-f-]{36}$/);
  expect(first?.request).toMatch(/^sha256:/);
  expect(await untilLogged(first?.correlation ?? '')).toHaveLength(1);
  // What the two have in common is still known: it is a retry, and leaves no second fact (G7).
  await system.request('pc-2', 'update', { trigger: 'manual' });
  expect(await events('client=pc-2&type=update-started')).toHaveLength(1);
});

test('an error names the request, and so does its line', async () => {
  const h = headers();
  h.set('Nats-Msg-Id', 'poll-of-nobody');
  const { error } = (
    await system.nats.request('reachback.v1.nobody.poll', '{}', { headers: h, timeout: 10_000 })
  ).json<ErrorReply>();
  expect(error).toMatchObject({ code: 'not_registered', correlation: 'poll-of-nobody' });
  expect(await untilLogged('poll-of-nobody')).toMatchObject([{ outcome: 'not_registered' }]);
});

const asRequest = (id: string) => ({ 'x-request-id': id });

test('an administrator’s request is found by its id, down to what it did to clients', async () => {
  const answer = await system.rest.send(
    'PATCH',
    '/v1/settings',
    { reachback: { heartbeat: { enabled: false }, poll: { enabled: false } } },
    asRequest('change-17'),
  );
  expect(answer.headers.get('x-request-id')).toBe('change-17');
  const [changed] = (await events('type=settings-changed')).slice(-1);
  expect(changed?.meta).toMatchObject({ actor: 'admin:default', correlation: 'change-17' });
  await system.untilStatus('pc-1', 'Unreachable/Offline');
  const [turned] = (await events('client=pc-1&type=client-status-changed')).slice(-1);
  expect(turned?.data.cause).toBe('policy-changed');
  expect(turned?.meta).toEqual({ actor: 'system', correlation: 'change-17', causation: changed?.position });
  expect(await untilLogged('change-17')).toMatchObject([{ msg: 'request answered', method: 'PATCH', status: 200 }]);
});

test('R1 so is a change of the networks, in the history of those it moved', async () => {
  await system.rest.send('PUT', '/v1/networks', [], asRequest('networks-2'));
  await system.untilStatus('pc-1', 'Offline');
  const [changed] = (await events('type=networks-changed')).slice(-1);
  const [turned] = (await events('client=pc-1&type=client-status-changed')).slice(-1);
  expect(turned?.data.cause).toBe('network-changed');
  expect(turned?.meta).toMatchObject({ correlation: 'networks-2', causation: changed?.position });
});

test('an id that could not stand in a log is replaced; a problem names its request', async () => {
  for (const bad of ['two words', 'x'.repeat(129), '"quoted"']) {
    const { headers: sent } = await system.rest.send('GET', '/v1/fleet', undefined, asRequest(bad));
    expect(sent.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  }
  const problem = await system.rest.send('GET', '/v1/clients/nobody', undefined, asRequest('lookup-1'));
  expect(problem).toMatchObject({ status: 404, body: { code: 'not_registered', requestId: 'lookup-1' } });
  const unauthorized = await fetch(`${system.server.url}/v1/fleet`, { headers: asRequest('no-key') });
  expect(unauthorized.headers.get('x-request-id')).toBe('no-key');
});

test('no key stands in the log, at its most talkative', async () => {
  await system.rest.send('GET', '/v1/fleet', undefined, asRequest('last-one'));
  await untilLogged('last-one');
  expect(system.server.log()).not.toContain(system.server.key);
});
