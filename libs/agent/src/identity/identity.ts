import { nkeys } from '@nats-io/transport-node';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

/** What an agent proves with who it is: the seed of its key, which never leaves it, and the JWT it was given for it. */
export type Identity = {
  readonly seed: string;
  /** Null until it has enrolled. */
  readonly jwt: string | null;
  /** Whom it speaks for, where that is another client than the machine was copied as. */
  readonly clientId?: string;
  /** What this machine, a copy, becomes: by which token, with which key. */
  readonly split?: Split;
};

export type Split = { readonly clientId: string; readonly token: string; readonly seed: string };

export type IdentityStore = {
  readonly load: () => Promise<Identity | undefined>;
  readonly save: (identity: Identity) => Promise<void>;
};

export const newIdentity = (): Identity => ({
  seed: new TextDecoder().decode(nkeys.createUser().getSeed()),
  jwt: null,
});

export const publicKeyOf = ({ seed }: Identity): string =>
  nkeys.fromSeed(new TextEncoder().encode(seed)).getPublicKey();

/** When a JWT was issued and when it expires, by the server's clock, in milliseconds. */
export const validityOf = (jwt: string): { readonly issued: number; readonly expires: number } => {
  const claims: unknown = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString());
  const number = (name: string): number =>
    typeof claims === 'object' && claims !== null && name in claims
      ? Number(Object.entries(claims).find(([key]) => key === name)?.[1]) * 1000
      : Infinity;
  return { issued: number('iat'), expires: number('exp') };
};

const section = (name: string, dashes: string, content: string): string =>
  `-----BEGIN ${name}-----\n${content}\n${dashes}END ${name}${dashes}\n`;

/** What NATS does not know comes after what it does, and is passed over by it. */
const names = { clientId: 'REACHBACK CLIENT ID', split: 'REACHBACK SPLIT' } as const;

/** The file by which every NATS client can connect; without the first section while there is no JWT. */
export const formatIdentity = ({ seed, jwt, clientId, split }: Identity): string =>
  [
    ...(jwt === null ? [] : [section('NATS USER JWT', '------', jwt)]),
    section('USER NKEY SEED', '------', seed),
    ...(clientId === undefined ? [] : [section(names.clientId, '------', clientId)]),
    ...(split === undefined ? [] : [section(names.split, '------', `${split.clientId} ${split.seed} ${split.token}`)]),
  ].join('\n');

/** @throws when the text has no seed */
export const parseIdentity = (text: string): Identity => {
  const content = (name: string) => new RegExp(`-----BEGIN ${name}-----\\s+(\\S.*)\\s`).exec(text)?.[1]?.trim();
  const seed = content('USER NKEY SEED');
  if (seed === undefined) throw new Error('it has no seed');
  const clientId = content(names.clientId);
  const [splitId, splitSeed, token] = content(names.split)?.split(' ') ?? [];
  return {
    seed,
    jwt: content('NATS USER JWT') ?? null,
    ...(clientId === undefined ? {} : { clientId }),
    ...(splitId && splitSeed && token ? { split: { clientId: splitId, token, seed: splitSeed } } : {}),
  };
};

/**
 * Keeps the identity in `agent.creds` in a folder, for its owner alone. A save is whole or has not happened.
 *
 * @throws when the file is there but cannot be understood: who it was is not given up in silence
 */
export const fileIdentity = (folder: string): IdentityStore => {
  const path = join(folder, 'agent.creds');
  return {
    load: async () => {
      const text = await readFile(path, 'utf8').catch((error: unknown) => {
        if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (text === undefined) return undefined;
      try {
        const identity = parseIdentity(text);
        publicKeyOf(identity);
        return identity;
      } catch {
        throw new Error(`${path} is damaged; remove it, and enrol anew.`);
      }
    },
    save: async (identity) => {
      await mkdir(folder, { recursive: true });
      const file = await open(`${path}.new`, 'w', 0o600);
      try {
        await file.chmod(0o600);
        await file.writeFile(formatIdentity(identity));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(`${path}.new`, path);
    },
  };
};
