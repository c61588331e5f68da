import { type Credentials, parseCredentials, readCredentials } from '#agent';
import { type Authority, issueAgentCredentials, loadAuthority } from '#identity';

/** How the command line says who an agent is; neither where the broker asks nobody. */
export type CredentialOptions = { readonly creds?: string; readonly keys?: string };

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

/** The credentials of a client: those of a file, or ones issued now with the server's keys. */
export const credentialsOf = async ({
  id,
  creds,
  keys,
}: CredentialOptions & { readonly id: string }): Promise<(() => Credentials) | undefined> => {
  if (creds !== undefined) return always(await readCredentials(creds));
  if (keys === undefined) return undefined;
  const expiresAt = new Date(Date.now() + lifetime);
  return always(parseCredentials(issueAgentCredentials(await authorityOf(keys), { clientId: id, expiresAt })));
};

/** Credentials for a fleet over few connections. */
export const fleetCredentialsOf = async (keys: string | undefined): Promise<(() => Credentials) | undefined> =>
  keys === undefined
    ? undefined
    : always(parseCredentials((await authorityOf(keys)).issueFleet(new Date(Date.now() + lifetime))));
