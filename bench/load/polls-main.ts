// A process of its own that polls as its parent says, once, and reports.
import { PollSender } from './poll-sender.js';
import type { PollsJob } from './polls-protocol.js';

process.once('message', (job: PollsJob) => {
  void new PollSender(job).run().then((report) => {
    process.send?.(report, () => process.exit(0));
  });
});
process.once('disconnect', () => process.exit(0));
