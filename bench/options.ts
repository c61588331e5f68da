import { Command, InvalidArgumentError, Option } from 'commander';

/** The benchmarks, in the order in which they run. */
export const benchmarkNames = [
  'phases',
  'limits',
  'baseline',
  'heartbeats',
  'polls',
  'offline',
  'recovery',
  'publish',
  'pending',
  'lists',
  'reclassify',
  'rebuild',
] as const;
export type BenchmarkName = (typeof benchmarkNames)[number];

/** Those that a run has if none are named. `phases` takes two minutes for a picture and no rate, so it must be named. */
const usualNames = benchmarkNames.filter((name) => name !== 'phases');

export type BenchOptions = {
  readonly clients: number;
  readonly quick: boolean;
  readonly only: readonly BenchmarkName[];
  readonly json: string | undefined;
  /** Where the server's CPU profiles go, if they are wanted. */
  readonly profile: string | undefined;
};

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
        .default(usualNames, 'all but phases'),
    )
    .addOption(
      new Option('--clients <count>', 'registered clients')
        .argParser(parseClients)
        .default(undefined, '1,000,000, or 200,000 when quick'),
    )
    .option('--profile <folder>', 'also write CPU profiles of the server there')
    .parse([...argv])
    .opts<Partial<BenchOptions> & { quick: boolean; only: readonly BenchmarkName[] }>();
  const { quick, only, json, profile } = options;
  return { quick, only, json, profile, clients: options.clients ?? (quick ? quickClients : fullClients) };
};

const isName = (text: string): text is BenchmarkName => (benchmarkNames as readonly string[]).includes(text);

const parseNames = (text: string): readonly BenchmarkName[] => {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !isName(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`There is no "${unknown}".`);
  return benchmarkNames.filter((name) => names.includes(name));
};

const parseClients = (text: string): number => {
  const count = Number(text.replaceAll(',', ''));
  if (!Number.isInteger(count) || count < fewestClients || count > mostClients) {
    throw new InvalidArgumentError(`It must be ${fewestClients} to ${mostClients}.`);
  }
  return count;
};
