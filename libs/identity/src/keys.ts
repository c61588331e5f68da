import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { deriveKey, newAccount, newOperator, type Signer, signerOf } from './signer.js';

/** The keys that a server holds in a file of its own each. */
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

type FileName = keyof typeof makers;
type FileKeys = Readonly<Record<FileName, Signer>>;

/** Every key that a server holds. */
export type Keys = FileKeys & {
  /** The account of the agents that speak MQTT. */
  readonly mqtt: Signer;
};

const names = Object.keys(makers) as readonly FileName[];
const fileOf = (folder: string, name: FileName): string => join(folder, `${name}.seed`);

/** It comes of the key of the other agents' account, so that a folder from before MQTT has it too. */
const complement = (keys: FileKeys): Keys => ({ ...keys, mqtt: deriveKey('account', 'mqtt', keys.agents.seed) });

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
  return complement(Object.fromEntries(pairs) as FileKeys);
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
  const keys = complement(Object.fromEntries(names.map((name) => [name, makers[name]()])) as FileKeys);
  await Promise.all(names.map((name) => writeSecret(fileOf(making, name), `${keys[name].seed}\n`)));
  await complete(keys, making);
  await rename(making, folder);
  return keys;
};
