import { readFile } from 'node:fs/promises';

/** Who an agent is to the broker: what the server issued for it, and the seed of its own key, which never leaves it. */
export type Credentials = { readonly jwt: string; readonly seed: string };

const block = (name: string): RegExp => new RegExp(`-----BEGIN ${name}-----\\s+(\\S+)\\s+------END ${name}------`);

/**
 * Reads credentials as NATS's own tools write them.
 *
 * @throws when there are none in it
 */
export const parseCredentials = (text: string): Credentials => {
  const jwt = block('NATS USER JWT').exec(text)?.[1];
  const seed = block('USER NKEY SEED').exec(text)?.[1];
  if (jwt === undefined || seed === undefined) throw new Error('These are no NATS credentials: a JWT and a seed.');
  return { jwt, seed };
};

export const readCredentials = async (file: string): Promise<Credentials> =>
  parseCredentials(await readFile(file, 'utf8'));
