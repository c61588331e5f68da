import { Command, InvalidArgumentError } from 'commander';
import { maxLanes } from '#contracts';
import { brokerConfiguration, ensureIdentity } from '#identity';

const parseLanes = (text: string): number => {
  const lanes = Number(text);
  if (!Number.isInteger(lanes) || lanes < 1 || lanes > maxLanes)
    throw new InvalidArgumentError(`It must be 1 to ${maxLanes}.`);
  return lanes;
};

const program = new Command('npm run keys --')
  .description(
    'Prints what makes a NATS server of yours ask everybody who he is, as a part of its configuration; makes the keys ' +
      'for it, if the folder is missing.',
  )
  .argument('<folder>', 'the keys: what servers get as REACHBACK_NATS_KEYS')
  .option('--lanes <count>', 'as many as the installation has (REACHBACK_LANES)', parseLanes, 1)
  .option('--accounts <folder>', 'where the NATS server keeps accounts', '/var/lib/nats/accounts')
  .action(async (folder: string, { lanes, accounts }: { lanes: number; accounts: string }) => {
    console.log(brokerConfiguration(await ensureIdentity(folder, lanes), accounts).trim());
  });

program.parseAsync().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
