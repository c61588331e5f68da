import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keepLocalCertificate, type NatsTls, type OperatorConfiguration } from '#embedded';
import { brokerConfiguration, ensureIdentity, issueAgentCredentials } from '#identity';
import type { Cleanup } from './cleanup.js';

/**
 * Who may reach a broker, and how: `open` asks nobody, `accounts` asks everybody, as `npm run up` does; `tls` is that with
 * TLS for broker and server, as `npm run up -- --tls` has it.
 */
export const accesses = ['open', 'accounts', 'tls'] as const;
export type Access = (typeof accesses)[number];

/** What a stack needs for it, and what those who connect to it need. */
export type Door = {
  readonly operator: OperatorConfiguration | undefined;
  /** Folder of the keys by which a server connects. */
  readonly keys: string | undefined;
  readonly tls: (NatsTls & { readonly ca: string; readonly caText: string }) | undefined;
  /** Of the user that speaks for all clients. */
  readonly fleet: string | undefined;
  /** Of an agent, which speaks for itself alone. */
  readonly agent: (clientId: string) => string | undefined;
};

const open: Door = {
  operator: undefined,
  keys: undefined,
  tls: undefined,
  fleet: undefined,
  agent: () => undefined,
};

export const makeDoor = async (cleanup: Cleanup, access: Access, folder: string): Promise<Door> => {
  if (access === 'open') return open;
  const keys = join(folder, 'keys');
  const { authority, ...identity } = await ensureIdentity(keys, 1);
  const inADay = new Date(Date.now() + 86_400_000);
  return {
    operator: {
      configuration: brokerConfiguration({ authority, ...identity }, join(folder, 'accounts')),
      credentials: identity.serverCredentials,
      account: authority.accounts.server,
    },
    keys,
    tls: access === 'tls' ? await makeCertificate(cleanup, join(folder, 'tls')) : undefined,
    fleet: authority.issueFleet(inADay),
    agent: (clientId) => issueAgentCredentials(authority, { clientId, expiresAt: inADay }),
  };
};

const makeCertificate = async (cleanup: Cleanup, folder: string) => {
  const fail = (error: unknown) => console.error(`The certificate could not be renewed: ${String(error)}`);
  const { ca, files, stop } = await keepLocalCertificate({ folder, onRenewed: () => undefined, onFailure: fail });
  cleanup.add(stop);
  return { ca, files, caText: await readFile(ca, 'utf8') };
};
