import type { Server as TlsServer } from 'node:tls';
import type { Logger } from 'pino';
import type { HttpTls } from '#admin-api';
import { expiryOf, followPair, PairError } from '#tls';
import { type Config, ConfigError } from './config.js';

/**
 * The certificate by which HTTP is served, read again whenever its files change: connections that are open go on, new ones
 * get the new certificate. What cannot be used is said in the log, and the certificate before stays. Undefined without one.
 *
 * @throws {ConfigError} when the files cannot be used to begin with
 */
export const openHttpTls = async (
  { REACHBACK_TLS_CERT: cert, REACHBACK_TLS_KEY: key }: Config,
  log: Logger,
): Promise<(HttpTls & { readonly stop: () => void }) | undefined> => {
  if (cert === undefined || key === undefined) return undefined;
  const servers = new Set<TlsServer>();
  const files = { cert, key };
  try {
    const following = await followPair({
      files,
      onChange: (pair, certificate) => {
        for (const server of servers) server.setSecureContext(pair);
        log.info({ file: cert, expires: expiryOf(certificate) }, 'another certificate is served from now on');
      },
      onRefused: (reason) => log.error({ error: reason }, 'the new certificate cannot be used; the one before stays'),
    });
    const expires = expiryOf(following.current().certificate);
    if (expires.getTime() < Date.now()) log.error({ file: cert, expires }, 'the certificate has expired');
    return {
      pair: following.current,
      serve: (server) => {
        servers.add(server);
        server.once('close', () => servers.delete(server));
      },
      stop: following.stop,
    };
  } catch (error) {
    throw error instanceof PairError
      ? new ConfigError(`REACHBACK_TLS_CERT, REACHBACK_TLS_KEY: ${error.message}`)
      : error;
  }
};
