import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, credsAuthenticator } from '@nats-io/transport-node';
import { expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brokerConfiguration, ensureIdentity } from '#identity';
import { brokersToTry } from '../../../test/helpers/secure-broker.js';
import { anyFreePort, findNatsServer, startNats } from './index.js';

test.each(brokersToTry)('a stream stays when %s begins to ask who one is, and when it ceases to', async (_, given) => {
  const folder = await mkdtemp(join(tmpdir(), 'reachback-test-carry-'));
  const [program, port] = [given ?? (await findNatsServer()), await anyFreePort()];
  const identity = await ensureIdentity(join(folder, 'keys'), 1);
  const { serverCredentials: credentials } = identity;
  const account = identity.authority.accounts.server;
  const operator = { configuration: brokerConfiguration(identity, join(folder, 'accounts')), credentials, account };
  const visit = async (isOpen: boolean) => {
    const broker = await startNats({ program, folder, port, ...(isOpen ? {} : { operator }) });
    const authenticator = credsAuthenticator(new TextEncoder().encode(credentials));
    const nats = await connect({ servers: broker.url, ...(isOpen ? {} : { authenticator }) });
    const manager = await jetstreamManager(nats);
    const { created } = await manager.streams
      .info('KEPT')
      .catch(() => manager.streams.add({ name: 'KEPT', subjects: ['kept'] }));
    const { seq } = await jetstream(nats).publish('kept');
    await nats.close();
    await broker.stop();
    return { created, seq };
  };
  const { created } = await visit(true);
  expect(await visit(false)).toEqual({ created, seq: 2 });
  expect(await visit(false)).toEqual({ created, seq: 3 });
  expect(await visit(true)).toEqual({ created, seq: 4 });
  await rm(folder, { recursive: true, force: true });
});
