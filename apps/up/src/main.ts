import { SetupError, takeDataFolder } from '#embedded';
import { readAdminKey } from './admin-key.js';
import { readFirstToken } from './first-token.js';
import { type Broker, startBroker } from './broker.js';
import { takeCertificate } from './certificate.js';
import { readUpConfig, type UpConfig } from './config.js';
import { startDemo } from './demo.js';
import { sayGateways } from './gateways.js';
import { choosePorts, endOrphans, noteOn, startDatabase, startServerPart } from './parts.js';
import { announce, fail, say, step, StepError, warn } from './progress.js';
import { restOf } from './rest.js';

const openWarning =
  'OPEN: the broker asks nobody who he is; every program on this machine can speak for any client. For trials only.';

/** What has been started, in order, with how to stop it in order and how to end it at once. */
type Started = { readonly name: string; readonly stop: () => Promise<void>; readonly kill?: () => void };

const started: Started[] = [];
let stopping: Promise<void> | undefined;

/** What has not stopped yet stays in the list, for whoever loses patience. */
const stopAll = async (): Promise<void> => {
  for (let part = started.at(-1); part; part = started.at(-1)) {
    const { name, stop } = part;
    await stop().catch((error: unknown) => fail(`${name} did not stop: ${String(error)}`));
    started.splice(started.indexOf(part), 1);
  }
};

const killAll = (): void => {
  for (const { kill } of started) {
    try {
      kill?.();
    } catch {
      // It has ended by itself.
    }
  }
};

const shutDown = (reason: string): void => {
  if (stopping) {
    killAll();
    process.exit(130);
  }
  say(`\n${reason}: stopping; the data stays`);
  stopping = stopAll().then(() => {
    say('Reachback has stopped');
    process.exit(0);
  });
};

const start = async (config: UpConfig): Promise<void> => {
  const folder = await takeDataFolder(config.REACHBACK_DATA);
  started.push({ name: 'the data folder', stop: folder.release });
  const { key, file } = await readAdminKey(config.REACHBACK_ADMIN_KEY, folder.path);
  await endOrphans(folder.path);
  const ports = await choosePorts(config);
  const add = ({
    name,
    server,
  }: {
    name: string;
    server: { stop: () => Promise<void>; current: () => { pid: number } };
  }) => started.push({ name, stop: server.stop, kill: () => process.kill(server.current().pid, 'SIGKILL') });
  const certificate = await takeCertificate(config, folder.path);
  if (certificate) started.push({ name: 'the certificate', stop: certificate.stop });
  const databaseUrl = await startDatabase(config, folder.path, ports, add);
  const broker = await startBroker(config, folder.path, ports, { databaseUrl, certificate }, add);
  const url = await startServerPart(
    config,
    folder.path,
    ports.http,
    { broker, databaseUrl, certificate, adminKey: key },
    add,
  );
  const rest = restOf(url, certificate, key);
  if (config.demo !== undefined) {
    const options = { clients: config.demo, rest, broker };
    const demo = await step(`Starting a fleet of ${config.demo} simulated clients`, () => startDemo(options));
    started.push({ name: 'the demo', stop: demo.stop });
  }
  const agents = config.REACHBACK_NATS_URL ? broker.url : `${broker.url}${noteOn('nats', ports.nats, config)}`;
  announce(`Reachback is ready: REST ${url}${noteOn('http', ports.http, config)}, agents ${agents}`);
  sayGateways(ports.gateways, certificate !== undefined);
  say(`Documentation of the API: ${url}/docs`);
  if (!config.REACHBACK_DATABASE_URL) {
    const { username, host, pathname } = new URL(databaseUrl);
    say(`Database: postgres://${username}@${host}${pathname} (password in ${folder.path}/postgres/password)`);
  }
  say(
    file === undefined
      ? 'Administrator key: the one of REACHBACK_ADMIN_KEY'
      : `Administrator key: ${key} (kept in ${file})`,
  );
  if (broker.keys === undefined) warn(openWarning);
  else say(`Keys by which agents are let in: ${broker.keys}`);
  const token = broker.keys === undefined ? undefined : await readFirstToken(folder.path, rest);
  if (certificate?.isLocal) say(`Authority to trust, for agents and for browsers: ${certificate.ca}`);
  const trust = certificate ? trustOptions(broker) : '';
  if (token !== undefined) say(`Enrol the first agent: npm run agent -- --id pc-17 ${trust}--enrol-file ${token}`);
  say(`Logs: ${folder.path}/logs; Ctrl-C stops everything`);
};

/** What an agent on this machine has to be told to trust the broker. */
const trustOptions = ({ url, ca, name }: Broker): string =>
  [`--server ${url} `, ca && `--ca ${ca} `, name && `--server-name ${name} `].filter(Boolean).join('');

/** Started by npm: when npm is gone, so is whoever would stop us. */
const stopWithParent = (): void => {
  const parent = process.ppid;
  if (process.env['npm_lifecycle_event'] === undefined) return;
  setInterval(() => {
    if (process.ppid !== parent && !stopping) shutDown('The process that started Reachback is gone');
  }, 1_000).unref();
};

const main = async (): Promise<void> => {
  const config = readUpConfig(process.argv, process.env);
  process.on('SIGINT', () => shutDown('Ctrl-C'));
  process.on('SIGTERM', () => shutDown('SIGTERM'));
  process.on('SIGHUP', () => shutDown('The terminal is gone'));
  stopWithParent();
  await start(config);
};

main().catch(async (error: unknown) => {
  // A step that Ctrl-C cut short has not failed.
  if (stopping) return stopping;
  const isExpected = error instanceof SetupError || error instanceof StepError;
  fail(isExpected ? error.message : String(error instanceof Error ? error.stack : error));
  await stopAll();
  process.exit(1);
});
