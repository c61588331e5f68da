import { type Command, InvalidArgumentError, Option } from 'commander';
import { hostname, networkInterfaces } from 'node:os';
import { isIP } from 'node:net';
import { clientIdPattern } from '#contracts';
import type { CredentialOptions } from './credentials.js';

/** What all commands of the agent take. */
export type CommonOptions = CredentialOptions & { readonly id: string; readonly server: string };

export const parseId = (text: string): string => {
  if (clientIdPattern.test(text)) return text;
  throw new InvalidArgumentError('An id is 1 to 64 characters of A-Z a-z 0-9 _ -.');
};

export const parseIps = (text: string): readonly string[] => {
  const ips = text
    .split(',')
    .map((ip) => ip.trim())
    .filter(Boolean);
  const wrong = ips.find((ip) => isIP(ip) === 0);
  if (wrong !== undefined) throw new InvalidArgumentError(`"${wrong}" is no IP address.`);
  return ips;
};

export const parseLabel = (
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> => {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('Write --label key=value.');
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
};

export const parseCount = (text: string): number => {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('It must be a whole number above 0.');
  return count;
};

export const withCommonOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--id <id>', 'the client’s id').argParser(parseId).default(defaultId(), 'this machine’s name'),
    )
    .addOption(serverOption())
    .addOption(
      new Option('--state <folder>', 'where each client keeps its state, and its credential')
        .env('REACHBACK_AGENT_STATE')
        .default('.reachback-agents'),
    )
    .addOption(
      new Option('--enrol <token>', 'enrol with this token, if there is no credential yet').env(
        'REACHBACK_ENROL_TOKEN',
      ),
    )
    .addOption(
      new Option(
        '--enrol-file <file>',
        'the same with the token in a file, which no list of processes shows',
      ).conflicts('enrol'),
    )
    .addOption(caOption())
    .addOption(serverNameOption())
    .addOption(new Option('--creds <file>', 'its NATS credentials, made elsewhere').env('REACHBACK_AGENT_CREDS'))
    .addOption(keysOption());

/** For trials on the machine of the server. */
export const keysOption = (): Option =>
  new Option('--keys <folder>', 'make credentials with the server’s keys (.reachback/nats/keys)').env(
    'REACHBACK_NATS_KEYS',
  );

export const serverOption = (): Option =>
  new Option('--server <url>', 'the broker').env('REACHBACK_NATS_URL').default('nats://127.0.0.1:4222');

export const caOption = (): Option =>
  new Option(
    '--ca <file>',
    'trust a broker whose certificate this authority has signed, and no broker without TLS; given once, it is kept',
  ).env('REACHBACK_NATS_CA');

export const serverNameOption = (): Option =>
  new Option('--server-name <name>', 'the name in the broker’s certificate, if it is not the one in its address').env(
    'REACHBACK_NATS_NAME',
  );

const defaultId = (): string =>
  hostname()
    .replace(/[^A-Za-z0-9_-]/g, '-')
    .slice(0, 64) || 'client';

/** The addresses of this machine that others could mean. */
export const ownIps = (): readonly string[] =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80'))
    .map(({ address }) => address);
