import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { until } from '../helpers/conditions.js';
import { startSystem, type System } from '../helpers/system.js';

let system: System;
let socket: Socket;
let received = '';

beforeAll(async () => {
  system = await startSystem();
  await system.rest.send('PUT', '/v1/networks', [{ name: 'nat', ranges: ['10.0.0.0/8'] }]);
  await system.rest.send('PATCH', '/v1/settings', {
    reachback: { heartbeat: { interval: 'PT1S' }, poll: { interval: 'PT3S' }, offlineAfter: 'PT2S' },
  });
  socket = connect(system.broker.port, '127.0.0.1');
  socket.on('data', (data) => (received += data.toString()));
  await once(socket, 'connect');
  socket.write('CONNECT {"verbose":false,"pedantic":false}\r\nSUB inbox.> 1\r\nPING\r\n');
  await until(() => received.includes('PONG'));
});
afterAll(async () => {
  socket.destroy();
  await system.stop();
});

const publish = (subject: string, payload: string, reply = '') =>
  socket.write(`PUB ${subject} ${reply} ${Buffer.byteLength(payload)}\r\n${payload}\r\n`);

let inboxes = 0;
/** A request in the text protocol: PUB with a reply subject, and the MSG that comes there. */
const request = async (kind: string, payload: string) => {
  const inbox = `inbox.${++inboxes}`;
  publish(`reachback.v1.pc-17.${kind}`, payload, inbox);
  const pattern = new RegExp(`MSG ${inbox} 1 (\\d+)\\r\\n(.*)\\r\\n`);
  const [, , body = ''] = await until(
    () => pattern.exec(received) ?? [],
    (match) => match.length > 0,
  );
  return JSON.parse(body) as Record<string, never>;
};

test('a plain socket that speaks the NATS text protocol is a client like any other', async () => {
  expect(await request('register', '{"ips":["10.1.2.3"]}')).toMatchObject({
    policy: { heartbeat: { interval: 'PT1S' } },
  });
  expect(await system.client('pc-17')).toMatchObject({ status: 'Unreachable/Online' });
  await system.untilStatus('pc-17', 'Unreachable/Offline');
  publish('reachback.v1.pc-17.heartbeat', '');
  expect(await system.untilStatus('pc-17', 'Unreachable/Online')).toMatchObject({ cause: 'heartbeat' });

  await system.rest.send('PATCH', '/v1/clients/pc-17/settings', { scan: { schedule: 'daily' } });
  const { settings } = await request('poll', '{}');
  expect(settings).toMatchObject({ values: { scan: { schedule: 'daily' } } });
  const { revision } = settings as unknown as { revision: string };
  const results = [{ kind: 'settings', revision, outcome: 'applied' }];
  expect(await request('ack', JSON.stringify({ results }))).toEqual({ accepted: 1 });
  expect(await system.client('pc-17')).toMatchObject({ undelivered: 0, settingsRevision: revision });
  expect(await request('poll', 'not JSON')).toMatchObject({ error: { code: 'bad_json' } });
});
