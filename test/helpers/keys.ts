import { restClient, type RestClient } from './rest.js';
import type { System } from './system.js';

export type MadeKey = { readonly id: string; readonly key: string; readonly rest: RestClient };

/** Makes an administrator's key, and a client that uses it. */
export const makeKey = async (
  { rest, server }: Pick<System, 'rest' | 'server'>,
  body: { readonly name: string; readonly role: string; readonly group?: string; readonly expiresAt?: string },
): Promise<MadeKey> => {
  const made = await rest.send<{ id: string; key: string }>('POST', '/v1/keys', body);
  if (made.status !== 201) throw new Error(`POST /v1/keys answered ${made.status}: ${JSON.stringify(made.body)}`);
  const { id, key } = made.body;
  return { id, key, rest: restClient({ url: server.url, key }) };
};
