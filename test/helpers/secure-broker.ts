import {
  type Authenticator,
  connect,
  credsAuthenticator,
  jwtAuthenticator,
  type NatsConnection,
  nkeys,
} from '@nats-io/transport-node';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Gateways, startTestNats, type TestServer } from '#embedded';
import { type Authority, brokerConfiguration, credentialFiles, ensureIdentity, fleetInbox } from '#identity';

/** A broker that asks everybody who he is, and whoever a test wants to be. */
export type SecureBroker = TestServer & {
  readonly keys: string;
  readonly authority: Authority;
  /** As the server, or as the server in the system account. */
  readonly connectAs: (who: keyof typeof credentialFiles) => Promise<NatsConnection>;
  /** As an agent, with credentials of its own. */
  readonly connectAgent: (clientId: string) => Promise<NatsConnection>;
  /** How to connect as one who may speak for all. */
  readonly fleet: () => { readonly inboxPrefix: string; readonly authenticator: Authenticator };
  /** `servers`: another way to it than its own address. */
  readonly connectWith: (jwt: string, seed: Uint8Array, inbox: string, servers?: string) => Promise<NatsConnection>;
};

const inAnHour = () => new Date(Date.now() + 3_600_000);

export const startSecureBroker = async ({
  program,
  lanes = 1,
  gateways = {},
}: {
  readonly program?: string | undefined;
  readonly lanes?: number;
  readonly gateways?: Gateways;
} = {}): Promise<SecureBroker> => {
  const own = await mkdtemp(join(tmpdir(), 'reachback-test-keys-'));
  const keys = join(own, 'keys');
  const identity = await ensureIdentity(keys, lanes);
  const { authority } = identity;
  const broker = await startTestNats({
    program,
    gateways,
    operator: async (folder) => ({
      configuration: brokerConfiguration(identity, join(folder, 'accounts')),
      credentials: identity.serverCredentials,
      account: authority.accounts.server,
    }),
  });
  const connectWith: SecureBroker['connectWith'] = (jwt, seed, inbox, servers = broker.url) =>
    connect({
      servers,
      authenticator: jwtAuthenticator(jwt, seed),
      inboxPrefix: `_INBOX.${inbox}`,
      maxReconnectAttempts: 0,
    });
  return {
    ...broker,
    keys,
    authority,
    connectWith,
    fleet: () => ({
      inboxPrefix: `_INBOX.${fleetInbox}`,
      authenticator: credsAuthenticator(new TextEncoder().encode(authority.issueFleet(inAnHour()))),
    }),
    connectAs: async (who) =>
      connect({
        servers: broker.url,
        authenticator: credsAuthenticator(await readFile(join(keys, credentialFiles[who]))),
      }),
    connectAgent: (clientId) => {
      const user = nkeys.createUser();
      const jwt = authority.issueAgent({ clientId, publicKey: user.getPublicKey(), expiresAt: inAnHour() });
      return connectWith(jwt, user.getSeed(), clientId);
    },
    stop: async () => {
      await broker.stop();
      await rm(own, { recursive: true, force: true });
    },
  };
};

/** The brokers that a test is to run with: the usual one, and a current one where it is given. */
export const brokersToTry: readonly (readonly [name: string, program: string | undefined])[] = [
  ['the broker of Debian 12', undefined],
  ...(process.env['REACHBACK_NATS_SERVER_CURRENT']
    ? [['a current broker', process.env['REACHBACK_NATS_SERVER_CURRENT']] as const]
    : []),
];
