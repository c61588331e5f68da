import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Network } from '#contracts';
import type { Broker } from './broker.js';
import type { Rest } from './rest.js';

const agentMain = fileURLToPath(new URL('../../agent/src/bundle.js', import.meta.url));
const network: Network = { name: 'demo', ranges: ['10.77.0.0/16'] };

export type DemoOptions = {
  readonly clients: number;
  readonly rest: Rest;
  readonly broker: Broker;
};

/** Declares the demo's network as unreachable, and drives a simulated fleet in it. */
export const startDemo = async ({ clients, rest, broker }: DemoOptions): Promise<{ stop: () => Promise<void> }> => {
  const networks = (await rest.send('GET', '/v1/networks')).json<Network[]>();
  if (!networks.some(({ name }) => name === network.name)) {
    const answer = await rest.send('PUT', '/v1/networks', [...networks, network]);
    if (!answer.ok) throw new Error(`the network of the demo was refused: ${answer.text}`);
  }
  const args = [
    'simulate',
    '--clients',
    String(clients),
    '--server',
    broker.url,
    '--prefix',
    'demo',
    '--group',
    'demo',
  ];
  // A user of its own, that may speak for all of them: made with the keys, and kept nowhere.
  const env = {
    ...process.env,
    REACHBACK_NATS_KEYS: broker.keys,
    REACHBACK_NATS_CA: broker.ca,
    REACHBACK_NATS_NAME: broker.name,
  };
  const child = fork(agentMain, args, {
    env,
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await exited;
    },
  };
};
