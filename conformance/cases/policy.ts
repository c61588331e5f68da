import type { ScriptCase, TableCase } from '../case.js';
import type { Problem } from '../shapes.js';

const grant = (heartbeat: boolean, poll: boolean) => ({
  policy: { heartbeat: { enabled: heartbeat }, poll: { enabled: poll } },
});

const granted: readonly TableCase[] = [
  ...(
    [
      { network: 'unreachable', policy: 'patient', expected: true },
      { network: 'unreachable', policy: 'patientPolls', expected: false },
      { network: 'unreachable', policy: 'patientEverybody', expected: true },
      { network: 'direct', policy: 'patient', expected: false },
      { network: 'direct', policy: 'patientEverybody', expected: true },
    ] as const
  ).map(({ network, policy, expected }): TableCase => ({
    rule: 'R9',
    title: `a ${network} client under the policy ${policy} is ${expected ? '' : 'not '}to beat`,
    given: { network, policy },
    when: [{ send: 'poll' }],
    then: { story: [], reply: { policy: { heartbeat: { enabled: expected } } } },
  })),
  {
    rule: 'R9',
    title: 'the interval is the one that was set',
    given: { network: 'unreachable', policy: 'patient' },
    when: [{ set: { reachback: { heartbeat: { interval: 'PT7M' } } } }, { send: 'poll' }],
    then: { story: [], reply: { policy: { heartbeat: { enabled: true, interval: 'PT7M' }, offlineAfter: 'PT1H' } } },
  },
  {
    rule: 'R10',
    title: 'an unreachable client is granted polling where it is on',
    given: { network: 'unreachable', policy: 'patient' },
    when: [{ set: { reachback: { poll: { interval: 'PT11M' } } } }, { send: 'poll' }],
    then: { story: [], reply: { policy: { poll: { enabled: true, interval: 'PT11M' } } } },
  },
  {
    rule: 'R10',
    title: 'and not where it is off',
    given: { network: 'unreachable', policy: 'patientBeats' },
    when: [{ send: 'poll' }],
    then: { story: [], reply: grant(true, false) },
  },
  {
    rule: 'R10',
    title: 'a direct client may poll and is answered',
    given: { network: 'direct', policy: 'patient' },
    when: [{ set: { conformance: { direct: true } } }, { send: 'poll' }],
    then: { story: [], reply: { settings: { values: { conformance: { direct: true } } } } },
  },
];

const fields = ['heartbeat.interval', 'poll.interval', 'offlineAfter'] as const;

/** A patch of one field; the other durations leave it room. */
const patchOf = (field: (typeof fields)[number], value: unknown): object => {
  const wide = { heartbeat: { enabled: true, interval: 'PT1S' }, poll: { enabled: true, interval: 'PT1S' } };
  const longest = 'PT129600M';
  if (field === 'heartbeat.interval') {
    return { ...wide, heartbeat: { enabled: false, interval: value }, offlineAfter: longest };
  }
  if (field === 'poll.interval') return { ...wide, poll: { enabled: false, interval: value }, offlineAfter: longest };
  return { ...wide, heartbeat: { enabled: false }, poll: { enabled: false }, offlineAfter: value };
};

const refused: readonly { readonly title: string; readonly policy: object; readonly field: string }[] = [
  ...fields.flatMap((field) =>
    ['PT0.999S', 'PT0S', '-PT1M', 'PT129600M1S', 'P91D', 'soon', 60].map((value) => ({
      title: `${field} ${value}`,
      policy: patchOf(field, value),
      field: `reachback.${field}`,
    })),
  ),
  {
    title: 'offlineAfter that is the heartbeat interval',
    policy: { heartbeat: { enabled: true, interval: 'PT5M' }, offlineAfter: 'PT5M' },
    field: 'reachback.offlineAfter',
  },
  {
    title: 'offlineAfter below the poll interval where heartbeat is off',
    policy: { heartbeat: { enabled: false }, poll: { enabled: true, interval: 'PT5M' }, offlineAfter: 'PT4M' },
    field: 'reachback.offlineAfter',
  },
];

const accepted: readonly { readonly title: string; readonly policy: object }[] = [
  ...fields.flatMap((field) =>
    ['PT1S', 'PT1M', 'PT129600M', 'P90D'].map((value) => ({
      title: `${field} ${value}`,
      policy: patchOf(field, value),
    })),
  ),
  {
    title: 'offlineAfter between the heartbeat and the poll interval',
    policy: {
      heartbeat: { enabled: true, interval: 'PT1M' },
      poll: { enabled: true, interval: 'PT5M' },
      offlineAfter: 'PT1M1S',
    },
  },
];

const limits: readonly ScriptCase[] = [
  {
    rule: 'R11',
    title: 'what is out of range is refused by name',
    run: async (world, checks) => {
      const path = `/v1/clients/${(await world.client()).id}/settings`;
      for (const { title, policy, field } of refused) {
        const { status, body } = await world.admin.send<Problem>('PATCH', path, { reachback: policy });
        checks.match(title, { status, ...body }, { status: 422, code: 'policy_out_of_range', field });
        const namesLimits = body.detail.includes('129600') || body.detail.includes('129,600');
        checks.ok(`the message about ${title}`, body.detail.includes(field) && namesLimits, 'field and limits', body);
      }
      const { values } = await world.admin.get<{ values: object }>(path);
      checks.equal('what was refused', values, {});
    },
  },
  {
    rule: 'R11',
    title: 'what is in range is accepted, seconds too',
    run: async (world, checks) => {
      const path = `/v1/clients/${(await world.client()).id}/settings`;
      for (const { title, policy } of accepted) {
        const { status } = await world.admin.send('PATCH', path, { reachback: policy });
        checks.equal(title, status, 200);
      }
    },
  },
  {
    rule: 'R12',
    title: 'polls under three times the beats are accepted with a warning',
    run: async (world, checks) => {
      const group = world.group();
      const set = async (poll: string) =>
        (
          await world.setGroup(group, {
            reachback: {
              heartbeat: { enabled: true, interval: 'PT1M' },
              poll: { enabled: true, interval: poll },
              offlineAfter: 'PT10M',
            },
          })
        ).warnings;
      const warnings = await set('PT2M59S');
      checks.equal('warnings at 2 min 59 s', warnings.length, 1);
      checks.ok('the warning', warnings.join().includes('poll.interval'), 'the field by name', warnings);
      checks.equal('warnings at 3 min', await set('PT3M'), []);
      await set('PT2M');
      const client = await world.client({ group });
      checks.match('what a client is granted', await client.send('poll'), { policy: { poll: { interval: 'PT2M' } } });
    },
  },
];

export const policyCases: readonly (TableCase | ScriptCase)[] = [...granted, ...limits];
