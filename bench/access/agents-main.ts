// A process of its own that plays agents with connections of their own, as its parent orders.
import { ConnectedAgents } from './agents.js';
import type { AgentsOrder } from './agents-protocol.js';

const agents = new ConnectedAgents();

const obey = async (order: AgentsOrder): Promise<object> => {
  if (order.type === 'connect') await agents.connect(order);
  else if (order.type === 'rate') agents.setRate(order.perSecond);
  else if (order.type === 'poll') await agents.poll(order.offer, order.seconds);
  return agents.report();
};

process.on('message', (order: AgentsOrder) => {
  void obey(order).then(
    (answer) => process.send?.(answer),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.once('disconnect', () => process.exit(0));
process.once('SIGTERM', () => process.exit(0));
