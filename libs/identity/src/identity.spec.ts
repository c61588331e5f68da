import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { type NatsConnection, nkeys } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { brokersToTry, type SecureBroker, startSecureBroker } from '../../../test/helpers/secure-broker.js';
import { until } from '../../../test/helpers/conditions.js';
import { contactStream, createLanes, laneSubjects } from '#contracts';
import { ensureAccounts, loadAuthority, pushAccount } from './index.js';

const inAnHour = () => new Date(Date.now() + 3_600_000);

describe.each(brokersToTry)('with %s', (_, program) => {
  let broker: SecureBroker;
  let server: NatsConnection;
  const open: NatsConnection[] = [];
  const kept = (nats: NatsConnection) => (open.push(nats), nats);

  beforeAll(async () => {
    broker = await startSecureBroker({ program });
    server = kept(await broker.connectAs('server'));
    const { name, subjects } = contactStream;
    await (await jetstreamManager(server)).streams.add({ name, subjects: [...subjects] });
    server.subscribe('reachback.v1.*.poll', {
      callback: (_error, message) => void message.respond(`to ${message.subject}`),
    });
    await server.flush();
  });
  afterAll(async () => {
    await Promise.all(open.map((nats) => nats.close()));
    await broker.stop();
  });

  test('an agent’s heartbeat is stored and its receipt comes back; its poll is answered', async () => {
    const agent = kept(await broker.connectAgent('a'));
    const receipt = (await agent.request('reachback.v1.a.heartbeat')).json<{ stream: string; seq: number }>();
    expect(receipt).toMatchObject({ stream: contactStream.name });
    const stored = await (await jetstreamManager(server)).streams.getMessage(contactStream.name, { seq: receipt.seq });
    expect(stored?.subject).toBe('reachback.v1.a.heartbeat');
    expect((await agent.request('reachback.v1.a.poll')).string()).toBe('to reachback.v1.a.poll');
  });

  test('a direct client is asked and answers; from who is not there comes silence, or at once that nobody is there', async () => {
    const agent = kept(await broker.connectAgent('a'));
    agent.subscribe('reachback.v1.a.notify', { callback: (_error, message) => void message.respond('{}') });
    await agent.flush();
    const answer = await server.request('reachback.v1.a.notify', '{"reason":"verify"}', { timeout: 2_000 });
    expect(answer.string()).toBe('{}');
    const nobody = server.request('reachback.v1.nobody.notify', '', { timeout: 500 });
    // 2.9 does not say over a service import that nobody listens.
    await expect(nobody).rejects.toThrow(program === undefined ? /timeout/i : /no responders/i);
  });

  test('a token of enrolment lets in whoever has it, to present it and nothing else', async () => {
    server.subscribe('reachback.enrol.v1.*', { callback: (_error, message) => void message.respond(message.subject) });
    await server.flush();
    const user = nkeys.createUser();
    const jwt = broker.authority.issueEnrolment({ tokenId: 't1', publicKey: user.getPublicKey() });
    const other = nkeys.createUser();
    const enrolling = kept(await broker.connectWith(jwt, other.getSeed(), 't1'));
    expect((await enrolling.request('reachback.enrol.v1.t1')).string()).toBe('reachback.enrol.v1.t1');
    await expect(enrolling.request('reachback.enrol.v1.t2')).rejects.toThrow('Permissions Violation');
    await expect(enrolling.request('reachback.v1.t1.poll')).rejects.toThrow('Permissions Violation');
  });

  test('a user that is revoked is cut off, stays out over a restart of the broker, and nobody else with it', async () => {
    const sys = kept(await broker.connectAs('system'));
    const user = nkeys.createUser();
    const publicKey = user.getPublicKey();
    const jwt = broker.authority.issueAgent({ clientId: 'bad', publicKey, expiresAt: inAnHour() });
    const bad = kept(await broker.connectWith(jwt, user.getSeed(), 'bad'));
    const good = kept(await broker.connectAgent('good'));
    await pushAccount(sys, broker.authority.agentsAccountJwt(new Map([[publicKey, new Date()]])));
    await bad.closed();
    await expect(broker.connectWith(jwt, user.getSeed(), 'bad')).rejects.toThrow(/authorization/i);
    expect((await good.request('reachback.v1.good.poll')).string()).toBe('to reachback.v1.good.poll');
    await broker.kill();
    await broker.start();
    await expect(broker.connectWith(jwt, user.getSeed(), 'bad')).rejects.toThrow(/authorization/i);
    await until(() => server.flush().then(() => true));
    await kept(await broker.connectAgent('good')).flush();
  });

  test('a broker that lacks an account, or has an older one, is given it, and keeps who is shut out', async () => {
    const sys = kept(await broker.connectAs('system'));
    const { agents } = broker.authority.accounts;
    const known = async () => (await sys.request(`$SYS.REQ.ACCOUNT.${agents}.CLAIMS.LOOKUP`)).string();
    const user = nkeys.createUser().getPublicKey();
    await pushAccount(sys, broker.authority.agentsAccountJwt(new Map([[user, new Date()]])));
    const before = await known();
    await ensureAccounts(sys, broker.authority);
    expect(await known()).toBe(before);
    const withLanes = await loadAuthority(broker.keys, 4);
    if (!withLanes) throw new Error('there are no keys');
    await ensureAccounts(sys, withLanes);
    const [, claims = ''] = (await known()).split('.');
    const text = Buffer.from(claims, 'base64url').toString();
    expect(text).toContain('partition(4,1)');
    expect(text).toContain(user);
    await ensureAccounts(sys, broker.authority);
  });

  test('keys are for their owner alone, and are the same when read again', async () => {
    expect((await stat(broker.keys)).mode & 0o777).toBe(0o700);
    for (const file of ['operator.seed', 'agents-agent.seed', 'server.creds', 'system.creds']) {
      expect((await stat(join(broker.keys, file))).mode & 0o777).toBe(0o600);
    }
    expect((await loadAuthority(broker.keys, 1))?.accounts).toEqual(broker.authority.accounts);
    expect(await loadAuthority(join(broker.keys, 'elsewhere'), 1)).toBeUndefined();
  });

  test('with several lanes the accounts put what agents publish into them', async () => {
    const laned = await startSecureBroker({ program, lanes: 4 });
    const owner = kept(await laned.connectAs('server'));
    const { name } = contactStream;
    await (await jetstreamManager(owner)).streams.add({ name, subjects: [...laneSubjects(false)] });
    for (const id of ['a', 'b', 'pc-17']) {
      const agent = kept(await laned.connectAgent(id));
      const { seq } = await jetstream(agent).publish(`reachback.v1.${id}.heartbeat`);
      const stored = await (await jetstreamManager(owner)).streams.getMessage(name, { seq });
      expect(stored?.subject).toBe(`reachback.internal.v1.lane.${createLanes(4).of(id)}.agent.${id}.heartbeat`);
    }
    await laned.stop();
  });
});
