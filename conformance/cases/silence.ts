import type { ScriptCase, TableCase } from '../case.js';
import type { Checks } from '../checks.js';
import type { TestClient } from '../client.js';
import type { PolicyName } from '../policies.js';
import { speakFor, withoutStalls } from '../speaking.js';
import type { NetworkClass, World } from '../world.js';

const offlineAfter = 2_000;
const allowedLateness = 1_000;

/** How late the server was to show a silent client offline, at least, in milliseconds; checks that it was not early. */
const fallSilent = async (client: TestClient, last: 'heartbeat' | 'poll', checks: Checks): Promise<number> => {
  const sent = performance.now();
  await client.ask(last);
  const received = performance.now();
  let lastOnline = sent;
  await client.untilView(
    'goes offline by silence',
    (view) => {
      if (view.status.endsWith('Offline')) return true;
      lastOnline = performance.now();
      return false;
    },
    { pause: 50 },
  );
  checks.ok('silence before offline', performance.now() - sent >= offlineAfter, `${offlineAfter} ms or more`, {
    milliseconds: performance.now() - sent,
  });
  const transition = (await client.history()).at(-1);
  const view = await client.view();
  checks.match('the transition', transition, { cause: 'silence' });
  const silence = Date.parse(transition?.at ?? '') - Date.parse(view.lastContactAt ?? '');
  checks.ok(
    'silence in the history',
    silence >= offlineAfter && silence <= offlineAfter + allowedLateness,
    `${offlineAfter} ms, at most ${allowedLateness} ms more`,
    { milliseconds: silence },
  );
  return lastOnline - received - offlineAfter;
};

const silenceCase = (
  title: string,
  given: { readonly network: NetworkClass; readonly policy: PolicyName },
  last: 'heartbeat' | 'poll',
): ScriptCase => ({
  rule: 'R5',
  title,
  run: async (world, checks) => {
    const fall = async () => fallSilent(await world.client(given), last, checks);
    const lateness = (await Promise.all([fall(), fall(), fall()])).sort((a, b) => a - b);
    // The middle one of three: a pause of the machine that runs this suite is not the server's lateness.
    const middle = lateness[1] ?? 0;
    checks.ok('lateness', middle <= allowedLateness, `at most ${allowedLateness} ms`, { milliseconds: middle });
  },
});

export const silenceCases: readonly (TableCase | ScriptCase)[] = [
  silenceCase('an unreachable client after its last beat', { network: 'unreachable', policy: 'brisk' }, 'heartbeat'),
  silenceCase('an unreachable client after its last poll', { network: 'unreachable', policy: 'pollOnly' }, 'poll'),
  silenceCase('a direct client that was to beat', { network: 'direct', policy: 'everybody' }, 'heartbeat'),
  ...(['heartbeat', 'poll'] as const).map((kind): ScriptCase => ({
    rule: 'R5',
    title: `a ${kind} twice a second keeps a client online past its limit`,
    run: async (world, checks) => {
      const client = await withoutStalls(offlineAfter, async () => {
        const result = await world.client({ policy: 'brisk' });
        return { silence: await speakFor(result, kind, 4), result };
      });
      checks.equal('its transitions', await client.story(), ['Unreachable/Online registered']);
      const { offlineAt, lastContactAt } = await client.view();
      const limit = Date.parse(offlineAt ?? '') - Date.parse(lastContactAt ?? '');
      checks.ok('offlineAt', limit >= offlineAfter, 'the last contact and two seconds', { offlineAt, lastContactAt });
    },
  })),
  {
    rule: 'R5',
    title: 'a direct client that nobody asked to beat never goes offline by silence',
    given: { network: 'direct', policy: 'brisk' },
    when: [{ wait: 4 }],
    then: { story: [], view: { status: 'Online', offlineAt: null } },
  },
  {
    rule: 'G11',
    title: 'a client meant to speak once a day has a limit of two days',
    run: async (world: World, checks) => {
      const [daily, brisk] = await Promise.all([world.client({ policy: 'daily' }), world.client({ policy: 'brisk' })]);
      await brisk.untilStatus('Unreachable/Offline');
      const { status, offlineAt, lastContactAt } = await daily.view();
      checks.equal('its status while others go offline', status, 'Unreachable/Online');
      const hours = (Date.parse(offlineAt ?? '') - Date.parse(lastContactAt ?? '')) / 3_600_000;
      checks.ok('offlineAt', hours >= 48, '48 hours after its last contact', { hours });
      checks.match('its grant', await daily.send('poll'), { policy: { offlineAfter: 'PT48H' } });
    },
  },
];
