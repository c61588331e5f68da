import { Command, Option } from 'commander';
import { z } from 'zod';
import { isIP } from 'node:net';
import { maxLanes } from '#contracts';
import { parseDuration } from '#domain';

export const roles = ['ingest', 'respond', 'project', 'api'] as const;
export type Role = (typeof roles)[number];

/** Whoever could change what an issuer says on the way could give himself any role. */
const isConfidential = (url: string): boolean =>
  url.startsWith('https:') || ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname);
/** An ISO 8601 duration between two others, which are allowed; in milliseconds. */
const duration = ({ usual, from, to }: Readonly<Record<'usual' | 'from' | 'to', string>>) => {
  const [least = 0, most = 0] = [from, to].map((text) => parseDuration(text) ?? 0);
  return z
    .string()
    .default(usual)
    .transform((text) => parseDuration(text) ?? 0)
    .refine((given) => given >= least && given <= most, {
      message: `must be an ISO 8601 duration between ${from} and ${to}, such as ${usual}`,
    });
};
const isNetwork = (text: string): boolean => {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return most > 0 && Number(bits ?? 0) <= most;
};

const environment = z.object({
  REACHBACK_NATS_URL: z.string().default('nats://127.0.0.1:4222'),
  REACHBACK_NATS_KEYS: z.string().min(1).optional(),
  REACHBACK_NATS_CA: z.string().min(1).optional(),
  REACHBACK_NATS_NAME: z.string().min(1).optional(),
  REACHBACK_DATABASE_URL: z
    .string()
    .default('postgres://127.0.0.1:5432/reachback')
    // Whoever finds out later says what it was, with the password in it.
    .refine((url) => URL.canParse(url), 'must be an address: postgres://user:password@host:5432/database'),
  REACHBACK_HTTP_HOST: z.string().default('127.0.0.1'),
  REACHBACK_HTTP_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  REACHBACK_TLS_CERT: z.string().min(1).optional(),
  REACHBACK_TLS_KEY: z.string().min(1).optional(),
  REACHBACK_ADMIN_KEY: z
    .string({ error: 'must be set: the key that administrators send as bearer token' })
    .min(16, 'has at least 16 characters'),
  REACHBACK_OIDC_ISSUER: z
    .url({ protocol: /^https?$/, error: 'must be an address' })
    .refine(isConfidential, {
      error: 'must begin with https:// (http:// is for this machine alone)',
    })
    .optional(),
  REACHBACK_OIDC_AUDIENCE: z.string().min(1).optional(),
  REACHBACK_OIDC_ROLE_CLAIM: z.string().min(1).default('reachback_role'),
  REACHBACK_OIDC_GROUP_CLAIM: z.string().min(1).optional(),
  REACHBACK_TRUSTED_PROXIES: z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((one) => one.trim())
        .filter(Boolean),
    )
    .refine((all) => all.every(isNetwork), 'is a list of IP addresses and networks (10.0.0.0/8), with commas between'),
  REACHBACK_CONTACT_DAYS: z.coerce.number().int().min(1).max(3_650).default(7),
  REACHBACK_LANES: z.coerce.number().int().min(1).max(maxLanes).optional(),
  REACHBACK_CREDENTIAL_LIFETIME: duration({ usual: 'P30D', from: 'PT5S', to: 'P365D' }),
  REACHBACK_COPY_INTERVAL: duration({ usual: 'PT5M', from: 'PT1S', to: 'P1D' }),
  REACHBACK_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

export type Config = z.infer<typeof environment> & { readonly roles: ReadonlySet<Role> };

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Reads the command line and the environment.
 *
 * @throws {ConfigError} naming what is wrong
 */
export const readConfig = (argv: readonly string[], env: NodeJS.ProcessEnv, version: string): Config => {
  const command = new Command('reachback-server')
    .description('The server of Reachback: reads what agents send, answers their polls, and serves the REST API.')
    .version(version)
    .addOption(new Option('--roles <list>', `which parts run, of ${roles.join(',')}`).default(roles.join(','), 'all'))
    .addHelpText('after', help)
    .parse([...argv]);
  const wanted = command
    .opts<{ roles: string }>()
    .roles.split(',')
    .map((role) => role.trim());
  const unknown = wanted.find((role) => !isRole(role));
  if (unknown !== undefined)
    throw new ConfigError(`--roles: there is no role "${unknown}"; there are ${roles.join(', ')}.`);
  const parsed = environment.safeParse(env);
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`).join('\n'));
  }
  if (parsed.data.REACHBACK_OIDC_ISSUER && !parsed.data.REACHBACK_OIDC_AUDIENCE) {
    throw new ConfigError('REACHBACK_OIDC_AUDIENCE must be set: the audience of tokens that are for Reachback.');
  }
  if ((parsed.data.REACHBACK_TLS_CERT === undefined) !== (parsed.data.REACHBACK_TLS_KEY === undefined)) {
    throw new ConfigError('REACHBACK_TLS_CERT and REACHBACK_TLS_KEY go together: a certificate and its key.');
  }
  return { ...parsed.data, roles: new Set(wanted.filter(isRole)) };
};

const isRole = (text: string): text is Role => (roles as readonly string[]).includes(text);

const help = `
Environment:
  REACHBACK_NATS_URL      the broker (nats://127.0.0.1:4222)
  REACHBACK_NATS_KEYS     folder of the keys by which agents are let in; without it the broker asks nobody who he is
  REACHBACK_NATS_CA       file with the authority's certificate by which the broker is trusted (the system's)
  REACHBACK_NATS_NAME     the name in the broker's certificate, if it is not the one in the broker's address
  REACHBACK_DATABASE_URL  the database (postgres://127.0.0.1:5432/reachback)
  REACHBACK_ADMIN_KEY     the administrator key, required
  REACHBACK_OIDC_ISSUER   whose bearer tokens are good beside keys; with REACHBACK_OIDC_AUDIENCE
  REACHBACK_OIDC_ROLE_CLAIM, REACHBACK_OIDC_GROUP_CLAIM
                          their claims with the role (reachback_role) and, if any, the group
  REACHBACK_HTTP_HOST     where it listens (127.0.0.1): the REST API; without the role api, health and metrics alone
  REACHBACK_HTTP_PORT     and on which port (8080; 0 for any)
  REACHBACK_TLS_CERT, REACHBACK_TLS_KEY
                          files with a certificate and its key, by which it then speaks HTTPS; read again when they change
  REACHBACK_TRUSTED_PROXIES  addresses and networks of proxies whose X-Forwarded-For is believed (none)
  REACHBACK_CONTACT_DAYS  for how many days beats and polls are kept (7)
  REACHBACK_LANES         into how many lanes the fleet is divided; fixed at the first start (1)
  REACHBACK_CREDENTIAL_LIFETIME
                          for how long an agent's credential is valid; it renews it in time (P30D)
  REACHBACK_COPY_INTERVAL how far apart two looks are at a credential that has several connections (PT5M)
  REACHBACK_LOG_LEVEL     fatal, error, warn, info, debug, trace or silent (info)`;
