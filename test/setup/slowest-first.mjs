import Sequencer from '@jest/test-sequencer';

/** What takes more than a minute or so: begun last, it would run on alone, and leave a core idle. */
const slow = [
  'e2e/up',
  'e2e/connections',
  'chaos/server-killed',
  'lists/pages',
  'e2e/enrolment-life',
  'chaos/slow-clients',
  'chaos/mass-silence',
  'chaos/outages',
  'lists/plans',
  'e2e/conformance',
  'e2e/rules-page',
  'chaos/lanes',
  'e2e/copies',
  'e2e/tls',
  'chaos/rebuild',
  'properties/presence',
  'e2e/agent',
  'fuzz/server',
];

/** The slow ones first, the slowest before all others; then as Jest would. */
export default class SlowestFirst extends Sequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    const place = ({ path }) => slow.findIndex((name) => path.endsWith(`test/${name}.spec.ts`));
    const first = sorted.filter((test) => place(test) >= 0).sort((a, b) => place(a) - place(b));
    return [...first, ...sorted.filter((test) => place(test) < 0)];
  }
}
