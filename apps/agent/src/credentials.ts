import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ConnectOptions,
  type Credentials,
  fileIdentity,
  keepTrust,
  parseCredentials,
  readCredentials,
  type WhoConnects,
} from '#agent';
import { type Authority, issueAgentCredentials, loadAuthority } from '#identity';

/** How the command line says who an agent is. */
export type CredentialOptions = {
  readonly creds?: string;
  readonly keys?: string;
  /** The folder in which each client keeps what it knows, in a folder by its id. */
  readonly state: string;
  readonly enrol?: string;
  readonly enrolFile?: string;
  /** The file of the authorities that are trusted to name the broker. */
  readonly ca?: string;
  /** The name in the broker's certificate, where that is not the one in its address. */
  readonly serverName?: string;
};

/** Until its process ends, in practice, in milliseconds: what is issued here is kept nowhere. */
const lifetime = 30 * 86_400_000;

/** Whoever holds the keys lets in whom he likes. */
const authorityOf = async (folder: string): Promise<Authority> => {
  // Lanes are of no concern to users.
  const authority = await loadAuthority(folder, 1);
  if (!authority) throw new Error(`There are no keys in ${folder}.`);
  return authority;
};

const always =
  (credentials: Credentials): (() => Credentials) =>
  () =>
    credentials;

/**
 * What proves who a client is: the credentials of a file, or ones issued now with the server's keys; else what it was given
 * when it enrolled, or will be.
 */
const proofOf = async (options: CredentialOptions & { readonly id: string }): Promise<WhoConnects> => {
  const { id, creds, keys, state, enrol, enrolFile } = options;
  if (creds !== undefined) return { credentials: always(await readCredentials(creds)) };
  const token = (enrolFile === undefined ? enrol : await readFile(enrolFile, 'utf8'))?.trim();
  if (keys === undefined || token !== undefined) return { identity: { store: fileIdentity(join(state, id)), token } };
  const expiresAt = new Date(Date.now() + lifetime);
  const issued = issueAgentCredentials(await authorityOf(keys), { clientId: id, expiresAt });
  return { credentials: always(parseCredentials(issued)) };
};

/** How a client of the command line connects: where to, whom it trusts there, and what proves who it is. */
export const connectOptionsOf = async (
  options: CredentialOptions & Pick<ConnectOptions, 'id' | 'server'>,
): Promise<ConnectOptions> => {
  const { id, server, ca, serverName, state } = options;
  const trust = { ...(await keepTrust(join(state, id), ca)), name: serverName };
  return { id, server, trust, ...(await proofOf(options)) };
};

/** Credentials for a fleet over few connections. */
export const fleetCredentialsOf = async (keys: string | undefined): Promise<(() => Credentials) | undefined> =>
  keys === undefined
    ? undefined
    : always(parseCredentials((await authorityOf(keys)).issueFleet(new Date(Date.now() + lifetime))));
