import { readFile } from 'node:fs/promises';
import { ConfigError, readConfig } from './config.js';
import { exit, exitAtOnce, openLog } from './log.js';
import { startServer } from './server.js';

// The build lies in dist/apps/server/src, the package's own description at its root.
const { version } = JSON.parse(await readFile(new URL('../../../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const main = async (): Promise<void> => {
  const config = readConfig(process.argv, process.env, version);
  const log = openLog(config.REACHBACK_LOG_LEVEL);
  const stopping = new AbortController();
  // Undefined if it is told to stop before: what it had by then it has ended.
  const starting = startServer(config, version, log, stopping.signal).catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error;
  });
  const shutDown = (reason: string) => {
    // A second signal quits at once.
    if (stopping.signal.aborted) exitAtOnce(130);
    log.info({ reason }, 'stopping');
    stopping.abort();
    starting
      .then((server) => server?.stop())
      .then(
        () => exit(0),
        () => exit(1),
      );
  };
  process.on('SIGINT', () => shutDown('SIGINT'));
  process.on('SIGTERM', () => shutDown('SIGTERM'));
  // Started by another process that watches over it: when that is gone, nobody would stop us any more.
  const abandoned = () => shutDown('the process that started it is gone');
  if (process.connected) process.on('disconnect', abandoned);
  // It went while this one was loading, before anybody listened.
  else if (process.send) abandoned();
  const server = await starting;
  if (!server) return;
  log.info({ port: server.port, roles: [...config.roles] }, 'server started');
  if (process.connected) process.send?.({ type: 'started', port: server.port });
};

main().catch(async (error: unknown) => {
  const isExpected = error instanceof ConfigError;
  console.error(isExpected ? error.message : error);
  return exit(isExpected ? 2 : 1);
});
