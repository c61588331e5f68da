import { type Beats, startBeats } from '../load/beats.js';
import type { Reach } from '../load/reach.js';
import { assertSpread } from '../load/spread.js';
import { orderly, startNodeChild } from '../system/child.js';
import type { Cleanup } from '../system/cleanup.js';
import type { AgentsOrder, AgentsReport } from './agents-protocol.js';
import { soakPrefix } from './members.js';
import type { SoakOptions } from './options.js';

const main = new URL('./agents-main.js', import.meta.url);

export type Load = {
  readonly beats: Beats;
  readonly agents: (order: AgentsOrder) => Promise<AgentsReport>;
};

/** The heartbeats of all clients, and the agents that poll, each from a process of its own. */
export const startLoad = async (
  cleanup: Cleanup,
  broker: Reach,
  { clients, beats, polls }: SoakOptions,
): Promise<Load> => {
  assertSpread(beats + 2 * polls, clients);
  const agents = orderly<AgentsOrder, AgentsReport>(startNodeChild(cleanup, { main }));
  const sender = await startBeats(cleanup, { broker, prefix: soakPrefix, count: clients });
  await agents({ type: 'job', job: { broker, connections: 2, prefix: soakPrefix, clients } });
  await sender.setRate(beats);
  await agents({ type: 'rate', perSecond: polls });
  return { beats: sender, agents };
};
