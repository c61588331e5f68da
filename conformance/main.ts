import { connect, credsAuthenticator } from '@nats-io/transport-node';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { fleetInbox, loadAuthority } from '#identity';
import { createAdmin } from './admin.js';
import { printRule, printTotal, writeReport } from './report.js';
import { type RuleId, rules } from './rules.js';
import { runRules } from './run.js';
import { createWorld, type World } from './world.js';

/** The server could not be checked at all: wrong arguments, no server, wrong key. */
const unusable = 2;

type Options = {
  readonly url: string;
  readonly key: string;
  readonly nats?: string;
  readonly keys?: string;
  readonly rule: readonly RuleId[];
  readonly json?: string;
};

const parseRule = (text: string, before: readonly RuleId[] = []): readonly RuleId[] => {
  const rule = rules.find(({ id }) => id === text.toUpperCase());
  if (!rule) throw new InvalidArgumentError('The rules are R1 to R20 and G1 to G12.');
  return [...before, rule.id];
};

const program = new Command()
  .name('npm run conformance --')
  .description('Checks, rule by rule, that a running Reachback does what it should. Talks only NATS and REST to it.')
  .option('--url <url>', 'its REST API', 'http://127.0.0.1:8080')
  .addOption(new Option('--key <key>', 'an administrator’s key').env('REACHBACK_ADMIN_KEY').makeOptionMandatory())
  .option('--nats <url>', 'its broker (default: port 4222 of the host in --url)')
  .addOption(
    new Option('--keys <folder>', 'the server’s keys, where the broker asks who one is').env('REACHBACK_NATS_KEYS'),
  )
  .addOption(new Option('--rule <rule>', 'this rule only; may be repeated').argParser(parseRule).default([], 'all'))
  .option('--json <file>', 'write the results to a file too')
  .addHelpText(
    'after',
    `
The server may be in use: the suite brings clients, groups and networks of its own under a random name, and takes
them away again at the end, at Ctrl-C too. R19 makes the server verify its other direct clients as well.

Exit code: 0 all passed, 1 a rule failed, ${unusable} the server could not be checked.`,
  )
  .exitOverride();

const natsOf = ({ url, nats }: Options): string => nats ?? `nats://${new URL(url).hostname}:4222`;

/** It plays many clients over one connection. */
const identityOf = async ({ keys }: Options) => {
  if (keys === undefined) return {};
  const authority = await loadAuthority(keys, 1);
  if (!authority) throw new Error(`There are no keys in ${keys}.`);
  const credentials = authority.issueFleet(new Date(Date.now() + 86_400_000));
  return {
    inboxPrefix: `_INBOX.${fleetInbox}`,
    authenticator: credsAuthenticator(new TextEncoder().encode(credentials)),
  };
};

const check = async (options: Options): Promise<number> => {
  const admin = createAdmin(options.url, options.key);
  await admin.get('/v1/fleet');
  const nats = await connect({
    servers: natsOf(options),
    name: 'reachback conformance',
    ...(await identityOf(options)),
  });
  const started = performance.now();
  const abort = new AbortController();
  try {
    const world = await createWorld(admin, nats);
    const stop = onSignal(abort, world);
    const results = await runRules(world, { only: options.rule, onRule: printRule, signal: abort.signal });
    if (abort.signal.aborted) return await stop;
    for (const problem of await world.cleanUp()) console.error(`Left behind: ${problem}`);
    printTotal(results);
    const seconds = Math.round((performance.now() - started) / 100) / 10;
    if (options.json !== undefined) await writeReport(options.json, options.url, seconds, results);
    return results.some(({ result }) => result === 'failed') ? 1 : 0;
  } finally {
    await nats.close();
  }
};

/** Ctrl-C: takes away what the run has added, and ends. */
const onSignal = (abort: AbortController, world: World): Promise<number> =>
  new Promise((resolve) => {
    const stop = () => {
      if (abort.signal.aborted) return;
      abort.abort();
      console.error('\nStopping: removing what this run has added');
      void world.cleanUp().then((problems) => {
        for (const problem of problems) console.error(`Left behind: ${problem}`);
        resolve(unusable);
        process.exit(unusable);
      });
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });

try {
  program.parse();
  process.exitCode = await check(program.opts<Options>());
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : unusable;
  else {
    console.error(error instanceof Error ? `The server cannot be checked: ${error.message}` : error);
    process.exitCode = unusable;
  }
}
