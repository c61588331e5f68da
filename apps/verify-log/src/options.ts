import { Command, InvalidArgumentError } from 'commander';
import type { Link } from '#event-log';

export type Options = {
  readonly database: string | undefined;
  readonly from: bigint | undefined;
  readonly expected: readonly Link[];
};

const parsePosition = (text: string): bigint => {
  if (!/^\d{1,18}$/.test(text)) throw new InvalidArgumentError('It must be a position of the log.');
  return BigInt(text);
};

const addExpected = (text: string, before: readonly Link[]): readonly Link[] => {
  const [, position, hash] = /^(\d{1,18}):([0-9a-f]{64})$/i.exec(text) ?? [];
  if (position === undefined || hash === undefined)
    throw new InvalidArgumentError('It must be POSITION:HASH, the hash with 64 hexadecimal digits.');
  return [...before, { position: BigInt(position), hash: Buffer.from(hash, 'hex') }];
};

const help = `
The exit code is 0 if the chain is intact, 1 if it is broken, 2 if it could not be verified.
The last line of the output is the verdict, as JSON. It only reads, and may run beside a live system.

Environment:
  REACHBACK_DATABASE_URL  the database, if --database does not name it; reading the tables event and log_head is enough`;

/** Reads the command line; ends the process with 2 where it is wrong. */
export const readOptions = (argv: readonly string[], env: NodeJS.ProcessEnv): Options => {
  const command = new Command('npm run verify-log --')
    .description('Verifies the chain of hashes over the log of facts, and names the first position where it is broken.')
    .option('--database <url>', 'the database')
    .option('--from <position>', 'begin there, and believe the hash of the fact before', parsePosition)
    .option('--expect <position:hash>', 'what was noted earlier must still be there; may be repeated', addExpected, [])
    .addHelpText('after', help)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  const { database, from, expect } = command
    .parse([...argv])
    .opts<{ database?: string; from?: bigint; expect: readonly Link[] }>();
  return { database: database ?? env['REACHBACK_DATABASE_URL'], from, expected: expect };
};
