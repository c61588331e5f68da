import { Command, InvalidArgumentError, Option } from 'commander';
import { type Access, accesses } from './system/access.js';

/** The benchmarks, in the order in which they run. */
export const benchmarkNames = [
  'phases',
  'limits',
  'baseline',
  'heartbeats',
  'sustained',
  'polls',
  'offline',
  'storm',
  'recovery',
  'publish',
  'pending',
  'lists',
  'reclassify',
  'startup',
  'rebuild',
  'access',
] as const;
export type BenchmarkName = (typeof benchmarkNames)[number];

/** Those that a run has if none are named. `phases` takes two minutes for a picture and no rate, so it must be named. */
const usualNames = benchmarkNames.filter((name) => name !== 'phases');
/** What three minutes have no room for. */
const onlyFull: ReadonlySet<BenchmarkName> = new Set(['sustained', 'storm', 'startup', 'access']);
const quickNames = usualNames.filter((name) => !onlyFull.has(name));

export type BenchOptions = {
  readonly clients: number;
  readonly quick: boolean;
  readonly access: Access;
  /** How long `sustained` lasts, in seconds. */
  readonly window: number;
  readonly only: readonly BenchmarkName[];
  readonly json: string | undefined;
  /** A result whose table goes into the README, instead of a run. */
  readonly table: string | undefined;
  /** Where the server's CPU profiles go, if they are wanted. */
  readonly profile: string | undefined;
};

const fullWindow = 600;
const quickWindow = 8;
const longestWindow = 86_400;
const fullClients = 1_000_000;
const quickClients = 200_000;
const fewestClients = 1_000;
const mostClients = 10_000_000;

export const readOptions = (argv: readonly string[]): BenchOptions => {
  const options = new Command('npm run bench --')
    .description(
      'Measures Reachback as a whole on this machine: broker, database, server and load, all started here in a ' +
        'temporary folder, on loopback. Ctrl-C stops and removes all of it.',
    )
    .option('--json <file>', 'also write the result as JSON')
    .option('--quick', 'in under three minutes, with fewer clients and shorter windows', false)
    .addOption(
      new Option('--only <names>', `some of ${benchmarkNames.join(',')}`)
        .argParser(parseNames)
        .default(undefined, `all but phases; when quick, all but phases,${[...onlyFull].join(',')}`),
    )
    .addOption(
      new Option('--clients <count>', 'registered clients')
        .argParser(between(fewestClients, mostClients))
        .default(undefined, '1,000,000, or 200,000 when quick'),
    )
    .addOption(
      new Option('--window <seconds>', 'how long `sustained` lasts')
        .argParser(between(1, longestWindow))
        .default(undefined, `${fullWindow}, or ${quickWindow} when quick`),
    )
    .addOption(
      new Option(
        '--access <kind>',
        'open: the broker asks nobody who he is; accounts: everybody, as `npm run up` has it; tls: that and TLS, as ' +
          '`up --tls`. Not for baseline and phases, which are open; `access` measures all three',
      )
        .choices(accesses)
        .default('open'),
    )
    .option('--table <result>', 'measures nothing: puts the table of a result that was written as JSON into README.md')
    .option('--profile <folder>', 'also write CPU profiles of the server there')
    .parse([...argv])
    .opts<Partial<BenchOptions> & { quick: boolean; access: Access }>();
  const { quick, access, json, table, profile } = options;
  const only = options.only ?? (quick ? quickNames : usualNames);
  const clients = options.clients ?? (quick ? quickClients : fullClients);
  const window = options.window ?? (quick ? quickWindow : fullWindow);
  return { quick, access, only, json, table, profile, clients, window };
};

const isName = (text: string): text is BenchmarkName => (benchmarkNames as readonly string[]).includes(text);

const parseNames = (text: string): readonly BenchmarkName[] => {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !isName(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`There is no "${unknown}".`);
  return benchmarkNames.filter((name) => names.includes(name));
};

/** Reads a whole number; commas between its digits do no harm. */
export const between =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text.replaceAll(',', ''));
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be ${least} to ${most}.`);
    }
    return value;
  };
