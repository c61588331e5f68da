import { connect, jwtAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { makeKey, makeToken, type NewToken } from '../helpers/secure-system.js';
import { type SecureBroker, startSecureBroker } from '../helpers/secure-broker.js';
import { askable } from '../helpers/heap.js';
import { startSystem, type System } from '../helpers/system.js';
import { openLog } from '../helpers/log.js';
import { startProgress } from '../helpers/progress.js';
import { type AsyncApi, type Channel, channelsOf } from './agents/channels.js';
import { ChannelTrials } from './agents/try-channels.js';
import { readCorpus, repeatMessages, repeatRequests } from './corpus.js';
import type { Known } from './from-schema.js';
import { inputs, repeat } from './inputs.js';
import { Harvest } from './rest/harvest.js';
import { type OpenApi, type Operation, operationsOf } from './rest/operations.js';
import { RouteTrials } from './rest/try-routes.js';
import { say, type Watch, watch } from './watch.js';

const shares = { messages: Math.floor(inputs / 2), requests: Math.floor(inputs / 8), raw: Math.floor(inputs / 64) };
/** In which every route is tried well, one after the other: some find what they need only after others. */
const rounds = 32;
/** The machine may be busy with other tests. */
const patiently = { timeout: 60_000 };
/** A broker cuts off who takes seconds to sign, and the client does not notice (3.4.0): it dials again. */
const inTheEnd = { timeout: 5_000, waitOnFirstConnect: true, maxReconnectAttempts: -1 };
/** Messages that go together, beside the requests that are due with them. */
const block = 500;
/** How often a long run looks at what the server holds. */
const measures = 60;
const hours = 6 * 3_600_000;
const ids = [...Array.from({ length: 60 }, (_, i) => `fuzz-${i}`), ...Array.from({ length: 20 }, () => 'enrolled')];

/** What these cannot be answered with, and why. */
const unreached: Readonly<Record<string, string>> = {
  'DELETE /v1/projections/{name}/rebuild 2xx': 'it needs a rebuild that takes longer than this log takes',
  'POST /v1/clients/{id}/copies/dismiss 2xx': 'no client here has two agents that take turns',
  'POST /v1/clients/{id}/credentials/revoke 2xx': 'hardly one of the clients here has enrolled',
  'GET /v1/enrolments/{id} 2xx': 'it wants the token of that enrolment, in place of a key',
};

let broker: SecureBroker;
let system: System;
let bystander: NatsConnection;
let presenter: NatsConnection;
let token: NewToken;
let known: Known;
let watching: Watch;
let messages: ChannelTrials;
let requests: RouteTrials;
let channels: readonly Channel[];
let operations: readonly Operation[];

beforeAll(async () => {
  broker = await startSecureBroker();
  system = await startSystem({
    secure: broker,
    nodeOptions: askable,
  });
  token = await makeToken(system.rest, { uses: 1_000_000 });
  const asking = await makeToken(system.rest, { uses: 1_000_000, approval: true });
  const jwt = token.token.split('.').slice(2);
  presenter = await connect({
    servers: broker.url,
    authenticator: jwtAuthenticator(jwt.join('.')),
    inboxPrefix: `_INBOX.${token.id}`,
    ...inTheEnd,
  });
  bystander = await connect({ servers: broker.url, ...broker.fleet(), ...inTheEnd });
  await Promise.all([...new Set(ids)].map((id) => system.request(id, 'register', { ips: ['10.0.0.1'] }, patiently)));
  known = {
    token: [asking.token],
    publicKey: Array.from({ length: 40 }, () => makeKey().publicKey),
    group: ['', 'paris', 'paris/desktops', 'london'],
    clientId: ['enrolled-2', 'enrolled-3'],
    ips: ['10.0.0.1', '192.168.0.1'],
    ranges: ['10.0.0.0/8', 'fd00::/8', '192.168.1.10-192.168.1.99'],
    over: ['PT1H'],
    expiresIn: ['P1D'],
    step: ['PT1H', 'P1D'],
    name: ['engine', 'paris-nat', 'history'],
    version: ['1', '2'],
    type: ['client-registered'],
  };
  watching = await watch(system, bystander);
}, 240_000);
afterAll(async () => {
  await watching.stop();
  await Promise.all([presenter.close(), bystander.close()]);
  await system.stop();
});

const spared = (text: string): boolean =>
  /^neighbour-/.test(text) || text === token.id || known['token']?.some((one) => one.startsWith(text)) === true;

test('what was found once is answered as it should be', async () => {
  expect(await repeatRequests(system, await readCorpus('requests'))).toEqual([]);
  expect(await repeatMessages(system.nats, await readCorpus('messages'))).toEqual([]);
});

/** First well, one after the other, so that each finds what it needs; then all kinds of wrong inputs at the same time. */
const feed = async (): Promise<void> => {
  const enrolling: Known = {
    ...known,
    token: [token.token],
    clientId: ['enrolled'],
    publicKey: [makeKey().publicKey],
  };
  await messages.good(channels, enrolling, rounds);
  await requests.good(operations, known, rounds);
  const blocks = Math.ceil(shares.messages / block);
  const feeds = [
    messages.bad(channels, enrolling, shares.messages, blocks),
    requests.bad(operations, known, shares.requests, blocks),
    requests.raw(shares.raw, blocks),
  ];
  const every = Math.ceil(blocks / measures);
  const fed = shares.messages + shares.requests + shares.raw;
  const progress = startProgress('inputs for the server', fed);
  for (let i = 0; i < blocks; i++) {
    await Promise.all(feeds.map((one) => one.next()));
    const sofar = Math.round((fed * (i + 1)) / blocks);
    if (i % every === 0) await watching.measure(sofar);
    progress(sofar, watching.summary);
  }
  requests.close();
};

test(
  'every kind of message, right and wrong, is answered or recorded, and no answer is a failure',
  async () => {
    channels = channelsOf(await system.rest.get<AsyncApi>('/asyncapi.json'));
    operations = operationsOf(await system.rest.get<OpenApi>('/openapi.json'));
    const isEnrolment = (address: string): boolean => address.startsWith('reachback.enrol.');
    messages = new ChannelTrials(({ address }) => (isEnrolment(address) ? presenter : system.nats), {
      ids,
      places: { tokenId: token.id },
    });
    requests = new RouteTrials(system.server, new Harvest(spared));
    const began = performance.now();
    await feed();
    const seconds = Math.round((performance.now() - began) / 1000);
    const { messages: sent, requests: asked, raw } = shares;
    say(`${sent} messages, ${asked} requests and ${raw} that are none in ${seconds} s; ${repeat}`);
    expect(messages.wrong).toEqual([]);
    const log = openLog(system.databaseUrl);
    for (const { name, isRequest } of channels) {
      const seen = [...(messages.seen.get(name) ?? [])];
      expect([name, seen.includes('ok')]).toEqual([name, true]);
      if (isRequest) expect([name, seen.some((code) => code !== 'ok')]).toEqual([name, true]);
      else expect([name, (await log.contacts(name)).size > 0]).toEqual([name, true]);
    }
    await log.end();
    const { counts } = await system.rest.get<{ counts: Record<string, number> }>('/v1/rejects');
    expect(counts).toMatchObject({ bad_json: expect.any(Number), bad_request: expect.any(Number) });
  },
  hours,
);

test('every route is answered with success and with refusal, and no answer is a failure', () => {
  expect(requests.wrong).toEqual([]);
  const missing = operations.flatMap(({ name, body, inPath, query }) => {
    const seen = [...(requests.seen.get(name) ?? [])];
    const isRefusable = body !== undefined || inPath.length + query.length > 0;
    return [
      ...(seen.some((status) => status < 300) ? [] : [`${name} 2xx`]),
      ...(seen.some((status) => status >= 400) || !isRefusable ? [] : [`${name} 4xx`]),
    ];
  });
  expect(missing.filter((one) => !(one in unreached))).toEqual([]);
});

test(
  'neighbours lost no beat, the server was ready all along, and its memory is what it was',
  () => watching.expectUnharmed(),
  120_000,
);
