import { nextMessage, startNodeChild } from '../system/child.js';
import type { Cleanup } from '../system/cleanup.js';
import type { PollsJob, PollsReport } from './polls-protocol.js';

const main = new URL('./polls-main.js', import.meta.url);
const usual = { connections: 4, kind: 'poll', payload: '{}', warmUp: 2, patience: 10 } as const;

export type RequestsJob = Omit<PollsJob, keyof typeof usual> & Partial<PollsJob>;

/** Sends requests from a process of its own, polls unless the job says otherwise, until all is answered. */
export const sendRequests = async (cleanup: Cleanup, job: RequestsJob): Promise<PollsReport> => {
  const child = startNodeChild(cleanup, { main });
  const answer = nextMessage<PollsReport>(child);
  child.process.send({ ...usual, ...job } satisfies PollsJob);
  const report = await answer;
  await child.stop();
  return report;
};
