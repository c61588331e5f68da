import fc from 'fast-check';
import type { ReleaseTarget, Status } from '#contracts';

/** Something that happens to a small fleet. Releases and revisions are named by their number, modulo how many there are. */
export type Step =
  | {
      readonly do: 'register';
      readonly client: string;
      readonly group: string;
      readonly labels: Labels;
      readonly installed: Installed;
    }
  | {
      readonly do: 'reinstall';
      readonly client: string;
      readonly installed: Installed;
      readonly keepsSettings: boolean;
    }
  | { readonly do: 'report'; readonly client: string; readonly installed: Installed }
  | { readonly do: 'move'; readonly client: string; readonly group: string }
  | { readonly do: 'label'; readonly client: string; readonly labels: Labels }
  | { readonly do: 'remove'; readonly client: string }
  | { readonly do: 'transition'; readonly client: string; readonly status: Status; readonly named: boolean }
  | { readonly do: 'settings'; readonly level: Level; readonly interval: string | null }
  | { readonly do: 'remove-group'; readonly group: string; readonly to: string }
  | {
      readonly do: 'publish';
      readonly component: string;
      readonly target: ReleaseTarget;
      readonly deliverBy: 'past' | 'soon' | null;
      readonly rollout: boolean;
      readonly within: string | null;
    }
  | { readonly do: 'change'; readonly release: number; readonly to: 'paused' | 'held' | 'resumed' | 'withdrawn' }
  | { readonly do: 'poll'; readonly client: string }
  | { readonly do: 'deliver'; readonly client: string; readonly release: number }
  | { readonly do: 'ack-all'; readonly client: string; readonly outcome: Outcome }
  | { readonly do: 'ack'; readonly client: string; readonly release: number; readonly outcome: Outcome }
  | { readonly do: 'ack-settings'; readonly client: string; readonly revision: number; readonly outcome: Outcome };

export type Labels = Readonly<Record<string, string>>;
export type Installed = Readonly<Record<string, string>>;
type Outcome = 'applied' | 'failed';
type Level =
  | { readonly scope: 'fleet' }
  | { readonly scope: 'group'; readonly path: string }
  | { readonly scope: 'client'; readonly id: string };

export const clients: readonly string[] = ['a', 'b', 'c', 'd'];
export const groups: readonly string[] = ['', 'paris', 'paris/desktops', 'parisian', 'rome'];
export const labelSets: readonly Labels[] = [
  {},
  { os: 'linux' },
  { os: 'linux', site: '1' },
  { os: 'windows', tag: '7' },
];
export const statuses: readonly Status[] = ['Online', 'Offline', 'Unreachable/Online', 'Unreachable/Offline'];

const client = fc.constantFrom(...clients);
const group = fc.constantFrom(...groups);
const labels = fc.constantFrom(...labelSets);
/** Versions are those that releases get: their numbers. */
const version = fc.nat(8).map(String);
const installed: fc.Arbitrary<Installed> = fc.dictionary(fc.constantFrom('x', 'y', 'unknown'), version, { maxKeys: 2 });
const outcome = fc.constantFrom<Outcome>('applied', 'applied', 'failed');
const number = fc.nat(40);

type Some = Exclude<ReleaseTarget, { all: true }>;
const targetGroups = fc.uniqueArray(fc.constantFrom('', 'paris', 'paris/desktops', 'rome'), {
  minLength: 1,
  maxLength: 2,
});
const target: fc.Arbitrary<ReleaseTarget> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ all: true } as const) },
  fc.record<Some>({ clients: fc.uniqueArray(client, { minLength: 1, maxLength: 3 }) }),
  fc.record<Some>({ groups: targetGroups }),
  fc.record<Some>({ groups: targetGroups, clients: fc.uniqueArray(client, { minLength: 1, maxLength: 2 }) }),
  fc.record<Some>({ groups: targetGroups, labels: fc.constant({ os: 'linux' }) }),
  fc.record<Some>({ labels: fc.constantFrom<Labels[]>({ os: 'linux' }, { os: 'linux', site: '1' }) }),
);
const level: fc.Arbitrary<Level> = fc.oneof(
  fc.constant({ scope: 'fleet' } as const),
  group.filter((path) => path !== '').map((path) => ({ scope: 'group', path }) as const),
  client.map((id) => ({ scope: 'client', id }) as const),
);

const weighted = <S extends Step>(weight: number, arbitrary: fc.Arbitrary<S>) => ({ weight, arbitrary });
const is = <K extends Step['do']>(kind: K) => fc.constant(kind);

/** Everybody registers; most of what follows would be about nobody otherwise. */
export const beginning: readonly Step[] = clients.map((id, i) => ({
  do: 'register',
  client: id,
  group: groups[i] ?? '',
  labels: labelSets[i] ?? {},
  installed: {},
}));

export const step: fc.Arbitrary<Step> = fc.oneof(
  weighted(2, fc.record({ do: is('register'), client, group, labels, installed })),
  weighted(1, fc.record({ do: is('reinstall'), client, installed, keepsSettings: fc.boolean() })),
  weighted(2, fc.record({ do: is('report'), client, installed })),
  weighted(2, fc.record({ do: is('move'), client, group })),
  weighted(2, fc.record({ do: is('label'), client, labels })),
  weighted(1, fc.record({ do: is('remove'), client })),
  weighted(3, fc.record({ do: is('transition'), client, status: fc.constantFrom(...statuses), named: fc.boolean() })),
  weighted(2, fc.record({ do: is('settings'), level, interval: fc.constantFrom('PT1M', 'PT1H', null) })),
  weighted(1, fc.record({ do: is('remove-group'), group, to: group })),
  weighted(
    7,
    fc.record({
      do: is('publish'),
      component: fc.constantFrom('x', 'x', 'x', 'y'),
      target,
      deliverBy: fc.constantFrom('past' as const, 'soon' as const, null, null),
      rollout: fc.boolean(),
      within: fc.constantFrom(null, null, 'paris', 'paris/desktops'),
    }),
  ),
  weighted(
    3,
    fc.record({ do: is('change'), release: number, to: fc.constantFrom('paused', 'held', 'resumed', 'withdrawn') }),
  ),
  weighted(4, fc.record({ do: is('poll'), client })),
  weighted(4, fc.record({ do: is('deliver'), client, release: number })),
  weighted(6, fc.record({ do: is('ack-all'), client, outcome })),
  weighted(9, fc.record({ do: is('ack'), client, release: number, outcome })),
  weighted(2, fc.record({ do: is('ack-settings'), client, revision: number, outcome })),
);
