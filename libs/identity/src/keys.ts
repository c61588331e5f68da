import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { newAccount, newOperator, type Signer, signerOf } from './signer.js';

/** Every key that a server holds, each in a file of its own. */
const makers = {
  /** Signs accounts. */
  operator: newOperator,
  system: newAccount,
  server: newAccount,
  agents: newAccount,
  /** Signs agents, who get their permissions from it. */
  'agents-agent': newAccount,
  /** Signs tokens of enrolment, likewise. */
  'agents-enrolment': newAccount,
} as const;

export type KeyName = keyof typeof makers;
export type Keys = Readonly<Record<KeyName, Signer>>;

const names = Object.keys(makers) as readonly KeyName[];
const fileOf = (folder: string, name: KeyName): string => join(folder, `${name}.seed`);

export const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** For the owner's eyes only, from the first moment on. */
export const writeSecret = (path: string, text: string): Promise<void> => writeFile(path, text, { mode: 0o600 });

/**
 * The keys of a folder; undefined when it has none, or there is no such folder.
 *
 * @throws when one is missing or is none: a new one would make all that was issued under it worthless
 */
export const readKeys = async (folder: string): Promise<Keys | undefined> => {
  const there = await Promise.all(names.map((name) => isThere(fileOf(folder, name))));
  if (!there.some(Boolean)) return undefined;
  const pairs = await Promise.all(names.map(async (name) => [name, await readKey(fileOf(folder, name))] as const));
  return Object.fromEntries(pairs) as Keys;
};

const readKey = async (path: string): Promise<Signer> => {
  try {
    return signerOf((await readFile(path, 'utf8')).trim());
  } catch (error) {
    const reason =
      error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'is missing' : 'is no NATS key';
    throw new Error(`${path} ${reason}. Bring it back from your backup of the keys.`, { cause: error });
  }
};

/** Makes keys, and has `complete` put beside them what belongs to them; the folder is there whole or not at all. */
export const makeKeys = async (
  folder: string,
  complete: (keys: Keys, folder: string) => Promise<void>,
): Promise<Keys> => {
  const making = `${folder}.new`;
  await rm(making, { recursive: true, force: true });
  await mkdir(dirname(folder), { recursive: true });
  await mkdir(making, { mode: 0o700 });
  await chmod(making, 0o700);
  const keys = Object.fromEntries(names.map((name) => [name, makers[name]()])) as Keys;
  await Promise.all(names.map((name) => writeSecret(fileOf(making, name), `${keys[name].seed}\n`)));
  await complete(keys, making);
  await rename(making, folder);
  return keys;
};
