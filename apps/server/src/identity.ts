import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Authority, credentialFiles, loadAuthority } from '#identity';
import { ConfigError } from './config.js';

/** Who the server is to a broker that asks, and whom it may let in. */
export type ServerIdentity = {
  /** By which it connects. */
  readonly server: Uint8Array;
  /** By which it connects to the system account. */
  readonly system: Uint8Array | undefined;
  /** Undefined in a process that was given credentials and no keys: it lets nobody in. */
  readonly authority: Authority | undefined;
};

/**
 * Reads the folder of keys; undefined without one, where the broker asks nobody who he is.
 *
 * @throws {ConfigError} saying what is missing in it
 */
export const readIdentity = async (folder: string | undefined, lanes: number): Promise<ServerIdentity | undefined> => {
  if (folder === undefined) return undefined;
  const read = (file: string) => readFile(join(folder, file));
  try {
    const [server, authority] = await Promise.all([read(credentialFiles.server), loadAuthority(folder, lanes)]);
    return { server, authority, system: authority && (await read(credentialFiles.system)) };
  } catch (error) {
    throw new ConfigError(`REACHBACK_NATS_KEYS: ${error instanceof Error ? error.message : String(error)}`);
  }
};
