import { Command, Option } from 'commander';
import { between } from '../options.js';

/** What a soak does, and how often; times in seconds, rates per second. */
export type SoakOptions = {
  readonly seconds: number;
  readonly clients: number;
  readonly beats: number;
  readonly polls: number;
  /** Between two changes of a setting, two releases, two kills. */
  readonly settingEvery: number;
  readonly releaseEvery: number;
  readonly killEvery: number;
  readonly json: string | undefined;
};

const number = (flags: string, text: string, [least, most]: readonly [number, number], usual: number): Option =>
  new Option(flags, text).argParser(between(least, most)).default(usual);

const day = 86_400;

export const readSoakOptions = (argv: readonly string[]): SoakOptions =>
  new Command('npm run soak --')
    .description(
      'Runs Reachback under a whole fleet, with an administrator at work, and kills the server now and then; at the ' +
        'end, compares the log and every queue with what was done. Broker, database and server are started here in a ' +
        'temporary folder, on loopback. Ctrl-C stops and removes all of it. Exits with 1 if something did not hold.',
    )
    .addOption(number('--seconds <count>', 'how long it runs', [60, 7 * day], 3_600))
    .addOption(number('--clients <count>', 'registered clients', [1_000, 2_000_000], 200_000))
    .addOption(number('--beats <rate>', 'heartbeats a second, of all clients in turn', [1, 200_000], 15_000))
    .addOption(number('--polls <rate>', 'polls a second, of all clients in turn', [1, 10_000], 500))
    .addOption(number('--setting-every <seconds>', 'a setting is changed', [1, day], 10))
    .addOption(number('--release-every <seconds>', 'a release is published', [1, day], 60))
    .addOption(number('--kill-every <seconds>', 'the server is killed, and started again', [30, day], 300))
    .option('--json <file>', 'also write the result as JSON')
    .parse([...argv])
    .opts<SoakOptions>();
