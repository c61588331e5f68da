import type { ScriptCase, TableCase } from '../case.js';

const connecting = [
  { send: 'register', cause: 'registered' },
  { send: 'start', cause: 'started' },
  { send: 'reload', cause: 'reloaded' },
] as const;

export const connectingCases: readonly (TableCase | ScriptCase)[] = [
  ...connecting.flatMap(({ send, cause }): readonly TableCase[] => [
    {
      rule: 'R6',
      title: `${send} of an unreachable client that is granted heartbeat`,
      given: { network: 'unreachable', policy: 'patient', before: [{ send: 'stop' }] },
      when: [{ send }],
      then: { story: [`Unreachable/Online ${cause}`], limit: 'moved' },
    },
    {
      rule: 'R6',
      title: `${send} of an unreachable client that is granted neither`,
      given: { network: 'unreachable', policy: 'mute' },
      when: [{ send }],
      then: { story: [`Unreachable/Online ${cause}`, 'Unreachable/Offline no-route'] },
    },
    {
      rule: 'R6',
      title: `${send} of a direct client`,
      given: { network: 'direct', policy: 'mute', before: [{ send: 'stop' }] },
      when: [{ send }],
      then: { story: [`Online ${cause}`], limit: 'none' },
    },
  ]),
  {
    rule: 'R6',
    title: 'a first registration is online as soon as it is answered',
    run: async (world, checks) => {
      const granted = await world.client({ policy: 'patient' });
      checks.equal('with a grant', await granted.story(), ['Unreachable/Online registered']);
      const mute = await world.client({ policy: 'mute' });
      checks.equal('without one', await mute.story(), [
        'Unreachable/Online registered',
        'Unreachable/Offline no-route',
      ]);
      const direct = await world.client({ network: 'direct' });
      checks.equal('direct', await direct.story(), ['Online registered']);
    },
  },
];
