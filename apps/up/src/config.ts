import { Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { maxLanes } from '#contracts';
import { SetupError } from '#embedded';
import type { AskedGateways, AskedPort } from './gateways.js';

const port = z.coerce.number().int().min(1).max(65_535).optional();

const environment = z.object({
  REACHBACK_DATA: z.string().min(1).default('.reachback'),
  REACHBACK_HTTP_PORT: port,
  REACHBACK_NATS_PORT: port,
  REACHBACK_MQTT_PORT: port,
  REACHBACK_WEBSOCKET_PORT: port,
  REACHBACK_NATS_URL: z.string().min(1).optional(),
  REACHBACK_NATS_KEYS: z.string().min(1).optional(),
  REACHBACK_NATS_CA: z.string().min(1).optional(),
  REACHBACK_TLS_CERT: z.string().min(1).optional(),
  REACHBACK_TLS_KEY: z.string().min(1).optional(),
  REACHBACK_TLS_CA: z.string().min(1).optional(),
  REACHBACK_DATABASE_URL: z.string().min(1).optional(),
  REACHBACK_ADMIN_KEY: z.string().min(16, 'has at least 16 characters').optional(),
  REACHBACK_LANES: z.coerce.number().int().min(1).max(maxLanes).optional(),
  REACHBACK_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

export type UpConfig = z.infer<typeof environment> & {
  readonly demo: number | undefined;
  readonly open: boolean;
  readonly gateways: AskedGateways;
  readonly tls: boolean;
};

const parseClients = (text: string): number => {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 1_000_000)
    throw new InvalidArgumentError('It must be 1 to 1,000,000.');
  return count;
};

const parsePort = (text: string): number => {
  const parsed = port.safeParse(text);
  if (parsed.data === undefined) throw new InvalidArgumentError('It must be 1 to 65,535.');
  return parsed.data;
};

/**
 * Reads the command line and the environment; an empty variable counts as not set.
 *
 * @throws {SetupError} naming what is wrong
 */
export const readUpConfig = (argv: readonly string[], env: NodeJS.ProcessEnv): UpConfig => {
  const { demo, open, tls, mqtt, websocket } = new Command('npm run up --')
    .description('Starts all of Reachback on this machine: broker, database, server. Ctrl-C stops it; the data stays.')
    .option('--demo <clients>', 'with a simulated fleet of so many clients', parseClients)
    .option('--open', 'ask no agent who it is: for trials, on this machine alone', false)
    .option('--tls', 'with TLS, by certificates of an authority that is made in the data folder', false)
    .option('--mqtt [port]', 'let agents in over MQTT, at this port (1883, or the next free one)', parsePort)
    .option('--websocket [port]', 'let agents in over WebSocket, at this port (9222, or the next free one)', parsePort)
    .addHelpText('after', help)
    .parse([...argv])
    .opts<{ demo?: number; open: boolean; tls: boolean; mqtt?: AskedPort; websocket?: AskedPort }>();
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(set);
  if (!parsed.success) {
    throw new SetupError(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n'));
  }
  const { REACHBACK_MQTT_PORT, REACHBACK_WEBSOCKET_PORT, REACHBACK_NATS_URL } = parsed.data;
  const gateways = { mqtt: mqtt ?? REACHBACK_MQTT_PORT, webSocket: websocket ?? REACHBACK_WEBSOCKET_PORT };
  const config = { ...parsed.data, demo, open, tls, gateways };
  if (REACHBACK_NATS_URL !== undefined && (gateways.mqtt ?? gateways.webSocket) !== undefined) {
    throw new SetupError('MQTT and WebSocket are opened by your own broker’s configuration; see docs/gateways.md.');
  }
  assertGuarded(config, env);
  assertCertified(config);
  return config;
};

/** What others can reach must ask them who they are. */
const assertGuarded = ({ open, REACHBACK_NATS_URL, REACHBACK_NATS_KEYS }: UpConfig, env: NodeJS.ProcessEnv): void => {
  if (REACHBACK_NATS_URL !== undefined && REACHBACK_NATS_KEYS === undefined && !open) {
    throw new SetupError(
      'REACHBACK_NATS_URL is a broker of yours: set REACHBACK_NATS_KEYS to the keys by which agents are let in (see ' +
        'docs/operations.md), or, for a trial with one that asks nobody who he is, add --open.',
    );
  }
  if (!open) return;
  const hosts = [
    REACHBACK_NATS_URL && hostOf(REACHBACK_NATS_URL),
    env['REACHBACK_HTTP_HOST'],
    env['REACHBACK_NATS_HOST'],
  ];
  const reachable = hosts.find((host) => host && !isLoopback(host));
  if (reachable) throw new SetupError(`--open is for this machine alone, and ${reachable} can be reached by others.`);
  if (REACHBACK_NATS_KEYS !== undefined) throw new SetupError('--open and REACHBACK_NATS_KEYS exclude each other.');
};

const assertCertified = (config: UpConfig): void => {
  const { tls, REACHBACK_TLS_CERT: cert, REACHBACK_TLS_KEY: key, REACHBACK_TLS_CA: ca } = config;
  if (tls && (cert ?? key ?? ca) !== undefined) {
    throw new SetupError(
      '--tls makes certificates, and REACHBACK_TLS_CERT, _KEY and _CA name one: take one of the two.',
    );
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw new SetupError('REACHBACK_TLS_CERT and REACHBACK_TLS_KEY go together: a certificate and its key.');
  }
};

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).hostname : (url.split(':')[0] ?? url));

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d+){3}|\[?::1\]?)$/.test(host);

const help = `
Environment, all optional:
  REACHBACK_DATA          data folder (.reachback)
  REACHBACK_HTTP_PORT     port of the REST API (8080, or the next free one)
  REACHBACK_NATS_PORT     port for the agents (4222, or the next free one)
  REACHBACK_MQTT_PORT     as --mqtt
  REACHBACK_WEBSOCKET_PORT as --websocket
  REACHBACK_NATS_URL      a NATS server of yours instead of the embedded one
  REACHBACK_NATS_KEYS     with it: the folder of the keys by which agents are let in
  REACHBACK_NATS_CA       with it: file with the authority's certificate by which it is trusted (the system's)
  REACHBACK_TLS_CERT, REACHBACK_TLS_KEY
                          files with a certificate and its key for REST and broker; read again when they change
  REACHBACK_TLS_CA        file with the certificate of the authority that signed it, if the system does not know it
  REACHBACK_DATABASE_URL  a Postgres of yours instead of the embedded one
  REACHBACK_ADMIN_KEY     the administrator key (else one is made and kept in the data folder)
  REACHBACK_CONTACT_DAYS  for how many days beats and polls are kept (7)
  REACHBACK_LANES         into how many lanes the fleet is divided; fixed at the first start (1)
  REACHBACK_OIDC_ISSUER, REACHBACK_OIDC_AUDIENCE, REACHBACK_OIDC_ROLE_CLAIM, REACHBACK_OIDC_GROUP_CLAIM
                          whose bearer tokens are good beside keys; handed on to the server
  REACHBACK_LOG_LEVEL     fatal, error, warn, info, debug, trace or silent (info)`;
