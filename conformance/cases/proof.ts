import type { ScriptCase, Step, TableCase } from '../case.js';

const stopped: readonly Step[] = [{ send: 'stop' }];

const proofs = [
  { send: 'heartbeat', cause: 'heartbeat' },
  { send: 'poll', cause: 'poll' },
  { send: 'register', cause: 'registered' },
  { send: 'start', cause: 'started' },
  { send: 'reload', cause: 'reloaded' },
] as const;

/** Recorded, but no proof of an unreachable client. */
const others = [
  { title: 'a manual update', step: { send: 'update', payload: { trigger: 'manual' } }, cause: 'update' },
  { title: 'a scheduled update', step: { send: 'update', payload: { trigger: 'scheduled' } }, cause: 'update' },
  { title: 'an acknowledgement', step: { send: 'ack', payload: { results: [] } }, cause: 'ack' },
  { title: 'logs', step: { send: 'logs', payload: { line: 'conformance' } }, cause: 'logs' },
] as const;

export const proofCases: readonly (TableCase | ScriptCase)[] = [
  ...proofs.map(({ send, cause }): TableCase => ({
    rule: 'R3',
    title: `${send} of an offline client`,
    given: { network: 'unreachable', policy: 'patient', before: stopped },
    when: [{ send }],
    then: { story: [`Unreachable/Online ${cause}`], view: { cause }, limit: 'moved' },
  })),
  ...proofs.map(({ send }): TableCase => ({
    rule: 'R3',
    title: `${send} of an online client moves its limit and nothing else`,
    given: { network: 'unreachable', policy: 'patient' },
    when: [{ send }],
    then: { story: [], view: { status: 'Unreachable/Online' }, limit: 'moved' },
  })),
  ...others.flatMap(({ title, step, cause }): readonly TableCase[] => [
    {
      rule: 'R4',
      title: `${title} of an online unreachable client`,
      given: { network: 'unreachable', policy: 'patient' },
      when: [step],
      then: { story: [], view: { status: 'Unreachable/Online' }, limit: 'unmoved' },
    },
    {
      rule: 'R4',
      title: `${title} of an offline unreachable client`,
      given: { network: 'unreachable', policy: 'patient', before: stopped },
      when: [step],
      then: { story: [], view: { status: 'Unreachable/Offline' }, limit: 'unmoved' },
    },
    {
      rule: 'R4',
      title: `${title} of an offline direct client`,
      given: { network: 'direct', policy: 'patient', before: stopped },
      when: [step],
      then: { story: [`Online ${cause}`] },
    },
  ]),
  ...(['heartbeat', 'poll'] as const).map((send): TableCase => ({
    rule: 'R4',
    title: `${send} of an offline direct client, which was granted none`,
    given: { network: 'direct', policy: 'mute', before: stopped },
    when: [{ send }],
    then: { story: [`Online ${send}`], limit: 'none' },
  })),
  {
    rule: 'R4',
    title: 'updates, logs and acknowledgements cannot keep an unreachable client online',
    given: { network: 'unreachable', policy: 'brisk' },
    when: [{ wait: 1 }, ...others.map(({ step }) => step), { until: 'Unreachable/Offline' }],
    then: { story: ['Unreachable/Offline silence'] },
  },
  ...[
    { send: 'heartbeat', policy: 'pollOnly', view: 'lastHeartbeatAt' },
    { send: 'poll', policy: 'beatOnly', view: 'lastPollAt' },
    { send: 'heartbeat', policy: 'mute', view: 'lastHeartbeatAt' },
    { send: 'poll', policy: 'mute', view: 'lastPollAt' },
  ].map(({ send, policy, view }): ScriptCase => ({
    rule: 'R16',
    title: `${send} under the policy ${policy}`,
    run: async (world, checks) => {
      const client = await world.client({ policy: policy as 'mute' });
      const settled = policy === 'mute' ? client.view() : client.send('stop');
      await settled;
      const before = await client.view();
      const story = await client.story();
      const reply = await client.send(send as 'poll');
      const after = await client.view();
      checks.match('its status', after, { status: 'Unreachable/Offline' });
      checks.equal('its transitions', await client.story(), story);
      const at = view as 'lastPollAt';
      checks.ok(view, after[at] !== null && after[at] !== before[at], 'the time of the contact', after[at]);
      const kinds = (await client.events()).map(({ type }) => type);
      checks.ok('its part of the log', kinds.includes(send), `the ${send}`, kinds);
      if (send === 'poll') checks.match('the reply', reply, { policy: { poll: { enabled: false } } });
    },
  })),
  {
    rule: 'R16',
    title: 'ungranted polls do not keep a client online',
    given: { network: 'unreachable', policy: 'beatOnly' },
    when: [{ wait: 1 }, { send: 'poll' }, { until: 'Unreachable/Offline' }],
    then: { story: ['Unreachable/Offline silence'] },
  },
];
