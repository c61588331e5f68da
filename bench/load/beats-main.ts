// A process of its own that beats for a whole fleet, as its parent orders.
import { BeatSender } from './beat-sender.js';
import type { BeatsOrder } from './beats-protocol.js';

let sender: BeatSender | undefined;

const obey = async (order: BeatsOrder): Promise<object> => {
  if (order.type === 'job') {
    sender = new BeatSender(order.job);
    await sender.start();
  } else if (order.type === 'rate') sender?.setRate(order.perSecond);
  return sender?.report() ?? {};
};

process.on('message', (order: BeatsOrder) => void obey(order).then((answer) => process.send?.(answer)));
process.once('disconnect', () => process.exit(0));
process.once('SIGTERM', () => process.exit(0));
