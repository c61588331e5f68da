import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent, type AgentOptions, downloadTo, fileState } from '#agent';
import { connectOptionsOf } from './credentials.js';
import { type CommonOptions, ownIps } from './options.js';
import { printEvent } from './print.js';

export type RunOptions = CommonOptions & {
  readonly name?: string;
  readonly group?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly ips?: readonly string[];
  readonly agentVersion: string;
  readonly goodbye: boolean;
  readonly quiet: boolean;
};

/** Runs the agent until it is told to end. */
export const run = async (options: RunOptions): Promise<void> => {
  const agentOptions = await agentOptionsOf(options);
  const { id, server, ips = [] } = agentOptions;
  console.log(`Client ${id}, addresses ${ips.join(', ') || 'none'}; connecting to ${server}`);
  const agent = await Agent.start(agentOptions);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  await (options.goodbye ? agent.leave() : agent.stop());
};

/** The agent that the command line describes, its state in a folder by its id. */
export const agentOptionsOf = async (options: RunOptions): Promise<AgentOptions> => {
  const { id, name, group, label, ips = ownIps(), agentVersion, state, quiet } = options;
  const folder = join(state, id);
  return {
    ...(await connectOptionsOf(options)),
    ips,
    agentVersion,
    ...(name === undefined ? {} : { name }),
    ...(group === undefined ? {} : { group }),
    ...(label === undefined ? {} : { labels: label }),
    store: fileState(folder),
    applySettings: (values) => writeSettings(folder, values),
    applyUpdate: downloadTo(join(folder, 'components')),
    onEvent: (event) => {
      if (!quiet || event.type !== 'heartbeat') printEvent(event);
    },
  };
};

/** Where a real agent would reconfigure its product, this one writes the settings down. */
const writeSettings = async (folder: string, values: Readonly<Record<string, unknown>>): Promise<void> => {
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'settings.json');
  await writeFile(`${path}.new`, `${JSON.stringify(values, undefined, 2)}\n`);
  await rename(`${path}.new`, path);
};
