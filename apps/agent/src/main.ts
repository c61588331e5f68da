import { Command, Option } from 'commander';
import { Agent } from '#agent';
import { sayStop, sendLogs, uninstall } from './once.js';
import {
  caOption,
  keysOption,
  parseCount,
  parseIps,
  parseLabel,
  serverNameOption,
  serverOption,
  withCommonOptions,
} from './options.js';
import { agentOptionsOf, run, type RunOptions } from './run.js';
import { simulate, type SimulateOptions } from './simulate/simulate.js';

const withRunOptions = (command: Command): Command =>
  withCommonOptions(command)
    .option('--name <name>', 'a name for people')
    .option('--group <path>', 'a group, such as paris/desktops')
    .option('--label <key=value>', 'a label; may be given more than once', parseLabel)
    .option('--ips <list>', 'the addresses it reports, separated by commas (default: this machine’s)', parseIps)
    .option('--agent-version <version>', 'the version it reports', '1.0.0')
    .option('--goodbye', 'when it is told to end, say `stop` first: offline at once', false)
    .option('--quiet', 'do not print every heartbeat', false);

const program = new Command('npm run agent --').description('The reference agent: speaks for one client.');

withRunOptions(program.command('run', { isDefault: true }))
  .description('register, beat, poll, apply and acknowledge, until Ctrl-C')
  .action((options: RunOptions) => run(options));
withRunOptions(program.command('update'))
  .description('fetch and apply what there is, once, as an update started by the user')
  .addOption(new Option('--trigger <trigger>').choices(['manual', 'scheduled']).default('manual'))
  .action(async (options: RunOptions & { trigger: 'manual' | 'scheduled' }) =>
    Agent.update(await agentOptionsOf(options), options.trigger),
  );
withCommonOptions(program.command('stop'))
  .description('say goodbye: offline at once')
  .option('--reason <text>')
  .action(sayStop);
withCommonOptions(program.command('uninstall'))
  .description('take the client off the list')
  .option('--reason <text>')
  .action(uninstall);
withCommonOptions(program.command('logs <file>')).description('send a file of JSON as logs').action(sendLogs);
program
  .command('simulate')
  .description('a simulated fleet: many clients over few connections')
  .addOption(serverOption())
  .addOption(caOption())
  .addOption(serverNameOption())
  .addOption(keysOption())
  .option('--clients <n>', 'how many', parseCount, 1_000)
  .option('--connections <n>', 'over how many connections', parseCount, 4)
  .option('--prefix <text>', 'ids are <prefix>-<number>', 'sim')
  .option('--group <path>', 'their group', 'simulated')
  .option('--network <a.b>', 'the first half of their IPv4 addresses', '10.77')
  .option('--seconds <n>', 'end after so long (default: at Ctrl-C)', parseCount)
  .action((options: SimulateOptions) => simulate(options));

program.parseAsync().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
