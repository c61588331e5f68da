import fc from 'fast-check';
import { contactKinds, type Entry, type Level, type PolicyKeys, type UnreachableNetwork } from '../oracle/history.js';
import { type Edit, type Kind, type Step, tickInterval, timed } from './story.js';

export const clients = ['a', 'b', 'c'] as const;
const groups = ['paris', 'paris/desktops', 'lyon'] as const;
const addresses: readonly (readonly string[])[] = [
  [],
  ['203.0.113.9'],
  ['2001:db8::9'],
  ['10.1.2.3'],
  ['::ffff:10.1.2.3'],
  ['203.0.113.9', '192.168.1.20'],
  ['fd00::17'],
];
const nat: UnreachableNetwork = { name: 'nat', ranges: ['10.0.0.0/8'] };
const networks: readonly (readonly UnreachableNetwork[])[] = [
  [],
  [nat],
  [nat, { name: 'home', ranges: ['192.168.1.10-192.168.1.99', 'fd00::/8'] }],
  [{ name: 'moved', ranges: ['10.0.0.0/8', 'fd00::/8'] }],
];

/** Which parts of the rules the histories are to touch. */
export type Features = {
  readonly outages: boolean;
  readonly verification: boolean;
  readonly inactive: boolean;
};
export const allFeatures: Features = { outages: true, verification: true, inactive: true };

const client = fc.constantFrom(...clients);
const seconds = (min: number, max: number) => fc.integer({ min, max }).map((number) => number * 1_000);
const halves = (min: number, max: number) => fc.integer({ min, max }).map((number) => number * tickInterval);

const policy = (features: Features): fc.Arbitrary<PolicyKeys> => {
  const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });
  return fc
    .record({
      heartbeat: fc.record({
        enabled: optional(fc.boolean()),
        scope: optional(fc.constantFrom('all', 'unreachable')),
        interval: optional(seconds(1, 5)),
      }),
      poll: fc.record({ enabled: optional(fc.boolean()), interval: optional(seconds(1, 5)) }),
      offlineAfter: optional(seconds(6, 30)),
      removeInactiveAfter: features.inactive ? optional(seconds(10, 90)) : fc.constant(undefined),
    })
    .map((keys) => JSON.parse(JSON.stringify(keys)) as PolicyKeys);
};

const someLevel: fc.Arbitrary<Level> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ group: fc.constantFrom(...groups) }) },
  { weight: 1, arbitrary: fc.record({ client }) },
);

/** Every fleet is under limits of seconds, so that all that is set nearer adds up to a policy that is allowed (R11). */
const fleetSettings = (features: Features): fc.Arbitrary<Edit> =>
  fc
    .tuple(policy(features), seconds(1, 5), seconds(1, 5), seconds(6, 30))
    .map(([{ heartbeat, poll, ...rest }, beat, ask, offlineAfter]) => ({
      do: 'settings',
      level: { fleet: true },
      policy: {
        offlineAfter,
        ...rest,
        heartbeat: { interval: beat, ...heartbeat },
        poll: { interval: ask, ...poll },
      },
    }));

const settings = (features: Features): fc.Arbitrary<Edit> =>
  fc.oneof(
    fleetSettings(features),
    fc.record({ do: fc.constant('settings'), level: someLevel, policy: policy(features) }),
  );

const group = fc.constantFrom('', ...groups);

const edit = (features: Features): fc.Arbitrary<Edit> =>
  fc.oneof(
    { weight: 4, arbitrary: settings(features) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('networks'), networks: fc.constantFrom(...networks) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('move'), client, group }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('remove'), client }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('acknowledge'), client, behind: fc.constantFrom(0, 0, 1) }),
    },
  );

const kind: fc.Arbitrary<Kind> = fc.oneof(
  { weight: 4, arbitrary: fc.constant('heartbeat') },
  { weight: 3, arbitrary: fc.constant('poll') },
  { weight: 4, arbitrary: fc.constant('register') },
  { weight: 6, arbitrary: fc.constantFrom(...contactKinds) },
);
const publishedKind = fc.constantFrom<Kind>('heartbeat', 'heartbeat', 'heartbeat', 'logs', 'stop', 'uninstall');

const step = (features: Features): fc.Arbitrary<Step> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('wait'), ticks: fc.integer({ min: 0, max: 12 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('wait'), ticks: fc.integer({ min: 12, max: 120 }) }) },
    {
      weight: 16,
      arbitrary: fc.record({
        do: fc.constant('contact'),
        client,
        kind,
        ips: fc.option(fc.constantFrom(...addresses), { nil: null, freq: 3 }),
        group,
      }),
    },
    { weight: 5, arbitrary: edit(features) },
    ...(features.verification
      ? [
          {
            weight: 2,
            arbitrary: fc.record({
              do: fc.constant('found'),
              client,
              askedAgo: fc.option(halves(1, 20), { nil: null }),
            }),
          },
        ]
      : []),
    ...(features.outages
      ? [
          {
            weight: 1,
            arbitrary: fc.record({
              do: fc.constant('broker-away'),
              length: halves(4, 80),
              edits: fc.array(edit(features), { maxLength: 2 }),
            }),
          },
          {
            weight: 1,
            arbitrary: fc.record({
              do: fc.constant('server-away'),
              contacts: fc.array(fc.record({ after: halves(0, 6), client, kind: publishedKind }), { maxLength: 12 }),
              length: halves(0, 10),
            }),
          },
        ]
      : []),
  );

/** Random histories: clients come, speak, fall silent and go; policies and networks change; broker and server fail. */
export const histories = (features: Features): fc.Arbitrary<readonly Entry[]> =>
  fc
    .tuple(fleetSettings(features), fc.array(step(features), { minLength: 1, maxLength: 60, size: 'max' }))
    .map(([first, steps]) => timed([{ do: 'networks', networks: [nat] }, first, ...steps, { do: 'wait', ticks: 80 }]));
