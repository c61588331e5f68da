import { subjects } from '#contracts';
import type { Bench } from '../bench.js';
import { sendRequests } from '../load/requests.js';

const clients = 10_000;
const underWay = 256;
/** Of about the size that a poll is answered with. */
const answer = JSON.stringify({ filling: 'x'.repeat(250) });

/** Requests answered a second by a process that only answers, as many at a time as with polls: responders cannot do more. */
export const measureRequestReplyOnly = async (bench: Bench): Promise<number> => {
  const { nats, broker } = bench.stack;
  bench.progress.say('answering requests');
  const subscription = nats.subscribe(subjects.allAgents('poll'), {
    callback: (_, message) => void message.respond(answer),
  });
  const seconds = bench.seconds(8, 2);
  const report = await sendRequests(bench.cleanup, {
    ...{ broker, prefix: 'limit', clients, seconds, offer: { underWay } },
    warmUp: 1,
  });
  subscription.unsubscribe();
  return report.perSecond;
};
