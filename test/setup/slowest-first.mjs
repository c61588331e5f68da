import Sequencer from '@jest/test-sequencer';

/**
 * What takes more than half a minute or so: begun last, it would run on alone, and leave a core idle. Those that mostly wait
 * stand among those that mostly compute.
 */
const slow = [
  'e2e/up',
  'e2e/connections',
  'lists/pages',
  'chaos/server-killed',
  'chaos/slow-clients',
  'e2e/conformance',
  'lists/plans',
  'e2e/enrolment-life',
  'fuzz/server',
  'chaos/outages',
  'chaos/lanes',
  'e2e/copies',
  'properties/presence-database',
  'chaos/mass-silence',
  'e2e/rules-page',
  'e2e/tls',
  'properties/presence',
  'e2e/agent',
  'chaos/rebuild',
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
