// A process of its own that plays the agents' polls and acknowledgements, as its parent orders.
import { AgentFleet } from './agent-fleet.js';
import type { AgentsOrder } from './agents-protocol.js';

let fleet: AgentFleet | undefined;

const obey = async (order: AgentsOrder): Promise<object> => {
  if (order.type === 'job') {
    fleet = new AgentFleet(order.job);
    await fleet.start();
  } else if (order.type === 'rate') fleet?.setRate(order.perSecond);
  else if (order.type === 'save') await fleet?.save(order.file);
  return fleet?.report() ?? {};
};

process.on('message', (order: AgentsOrder) => void obey(order).then((answer) => process.send?.(answer)));
process.once('disconnect', () => process.exit(0));
process.once('SIGTERM', () => process.exit(0));
