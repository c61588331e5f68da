import { join } from 'node:path';
import { agentsAccountJwt, fleetPermissions, firstAccounts, serverAccountJwt, systemPermissions } from './accounts.js';
import { inSeconds } from './account.js';
import { encodeClaims, formatCredentials, type UserPermissions } from './claims.js';
import { type Keys, makeKeys, readKeys, writeSecret } from './keys.js';
import { mqttAccountJwt, mqttPermissions } from './mqtt-account.js';
import { deriveKey, newUser, type Signer } from './signer.js';

/** Who may let agents in: what a server process holds that has the keys. */
export type Authority = {
  /** The JWT of a user that speaks for one client, until it expires. */
  readonly issueAgent: (o: {
    readonly clientId: string;
    readonly publicKey: string;
    readonly expiresAt: Date;
  }) => string;
  /** The same as a password for MQTT: it lets in whoever has it, over MQTT alone. */
  readonly issueMqttAgent: Authority['issueAgent'];
  /** The JWT of a user that may present one token of enrolment, and nothing else; whoever has it may use it. */
  readonly issueEnrolment: (o: {
    readonly tokenId: string;
    readonly publicKey: string;
    readonly expiresAt?: Date;
  }) => string;
  /**
   * The credentials of a user that speaks for any client, with the inbox of {@link fleetInbox}: for a simulated fleet
   * and for tests, made by who holds the keys, for himself.
   */
  readonly issueFleet: (expiresAt: Date) => string;
  /** Public keys. */
  readonly accounts: Readonly<{ system: string; server: string; agents: string; mqtt: string }>;
  /**
   * The account of the agents, from which users are shut out whose JWTs were issued until a moment (a second's fraction
   * is dropped). To take effect it must be pushed ({@link pushAccount}) and must name all who are to stay out.
   */
  readonly agentsAccountJwt: (revocations: ReadonlyMap<string, Date>) => string;
  readonly mqttAccountJwt: (revocations: ReadonlyMap<string, Date>) => string;
  readonly serverAccountJwt: () => string;
};

/** The operator and its accounts, as a broker needs them, and the credentials by which a server connects. */
export type Identity = {
  readonly authority: Authority;
  readonly operatorJwt: string;
  /** By public key, as a broker begins with them. */
  readonly accountJwts: ReadonlyMap<string, string>;
  /** Of a user of the account of the server. */
  readonly serverCredentials: string;
};

/**
 * The identity whose keys are in a folder (mode 700, its files 600); made, if the folder is missing.
 *
 * @param lanes of the installation: with several, accounts say how subjects are mapped
 */
export const ensureIdentity = async (folder: string, lanes: number): Promise<Identity> => {
  const keys = (await readKeys(folder)) ?? (await makeKeys(folder, writeCredentials));
  return {
    authority: authorityOf(keys, lanes),
    operatorJwt: operatorJwt(keys),
    accountJwts: firstAccounts(keys, lanes),
    serverCredentials: credentialsOf('server', keys.server, {}),
  };
};

/** The authority whose keys are in a folder; undefined when it has none: such a process only connects. */
export const loadAuthority = async (folder: string, lanes: number): Promise<Authority | undefined> => {
  const keys = await readKeys(folder);
  return keys && authorityOf(keys, lanes);
};

/** The credentials of an agent with a key that is made here: for who holds the keys, and for tests. */
export const issueAgentCredentials = (
  authority: Authority,
  { clientId, expiresAt }: { readonly clientId: string; readonly expiresAt: Date },
): string => {
  const user = newUser();
  return formatCredentials(authority.issueAgent({ clientId, publicKey: user.publicKey, expiresAt }), user);
};

/** The public key of who has a secret of his own: he need make no key pair. */
export const publicKeyOfSecret = (secret: string): string => deriveKey('user', 'mqtt-user', secret).publicKey;

/** The files in the folder of keys by which a server connects. */
export const credentialFiles = { server: 'server.creds', system: 'system.creds' } as const;

const writeCredentials = async (keys: Keys, folder: string): Promise<void> => {
  await writeSecret(join(folder, credentialFiles.server), credentialsOf('server', keys.server, {}));
  await writeSecret(join(folder, credentialFiles.system), credentialsOf('server', keys.system, systemPermissions));
};

const operatorJwt = ({ operator, system }: Keys): string => {
  const nats = { type: 'operator', system_account: system.publicKey } as const;
  return encodeClaims({ sub: operator.publicKey, name: 'reachback', nats }, operator);
};

const credentialsOf = (name: string, account: Signer, permissions: UserPermissions, expiresAt?: Date): string => {
  const user = newUser();
  return formatCredentials(userJwt(name, user.publicKey, account, permissions, expiresAt), user);
};

const userJwt = (
  name: string,
  publicKey: string,
  account: Signer,
  permissions: UserPermissions,
  expiresAt?: Date,
): string => {
  const exp = expiresAt && { exp: inSeconds(expiresAt) };
  const nats = { type: 'user', subs: -1, data: -1, payload: -1, ...permissions } as const;
  return encodeClaims({ sub: publicKey, name, ...exp, nats }, account);
};

const authorityOf = (keys: Keys, lanes: number): Authority => {
  const agents = keys.agents.publicKey;
  /** A user that has its permissions from the key that signs it, and so must claim none. */
  const scoped = (scope: Signer, name: string, publicKey: string, expiresAt?: Date): string =>
    encodeClaims(
      {
        sub: publicKey,
        name,
        ...(expiresAt && { exp: inSeconds(expiresAt) }),
        nats: { type: 'user', issuer_account: agents },
      },
      scope,
    );
  return {
    issueAgent: ({ clientId, publicKey, expiresAt }) => scoped(keys['agents-agent'], clientId, publicKey, expiresAt),
    issueMqttAgent: ({ clientId, publicKey, expiresAt }) =>
      userJwt(clientId, publicKey, keys.mqtt, mqttPermissions(clientId, lanes), expiresAt),
    issueEnrolment: ({ tokenId, publicKey, expiresAt }) =>
      scoped(keys['agents-enrolment'], tokenId, publicKey, expiresAt),
    issueFleet: (expiresAt) => credentialsOf('fleet', keys.agents, fleetPermissions, expiresAt),
    accounts: { system: keys.system.publicKey, server: keys.server.publicKey, agents, mqtt: keys.mqtt.publicKey },
    agentsAccountJwt: (revocations) => agentsAccountJwt(keys, lanes, revocations),
    mqttAccountJwt: (revocations) => mqttAccountJwt(keys, lanes, revocations),
    serverAccountJwt: () => serverAccountJwt(keys, lanes),
  };
};
