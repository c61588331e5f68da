import { type ClientSort, clientSorts } from '#contracts';
import type { Database } from '#event-log';
import { company, someGroup, someLabel } from '../fleet/members.js';
import { networkName } from '../fleet/seed.js';

/** A client somewhere in the fleet, and its place in every order. */
export type Somebody = Readonly<Record<ClientSort, string>>;

/** One line of the report: a list, and how it is asked for from somebody's place on. */
export type ListRow = { readonly name: string; readonly path: (from: Somebody, i: number) => string };

const filters: Readonly<Record<string, string>> = {
  'no filter': '',
  'status of nearly all': 'status=Unreachable%2FOnline',
  'status of few or none': 'status=Offline',
  'network by name': `network=${networkName}`,
  'a group of 2.5 %': `group=${someGroup}`,
  'the group of all': `group=${company}`,
  'a label of 25 %': `label=${someLabel}`,
  'a label of five': 'label=rare:yes',
  'a label of nobody': 'label=rare:no',
  'q of nearly all': 'q=bench',
  'q of one in thousands': 'q=00012',
  'group, label and status': `group=${someGroup}&label=${someLabel}&status=Unreachable%2FOnline`,
  'group of all, label and status': `group=${company}&label=${someLabel}&status=Unreachable%2FOnline`,
  'undelivered, everybody': 'undelivered=true',
};

const cursorOf = (somebody: Somebody, sort: ClientSort): string =>
  Buffer.from(JSON.stringify([somebody[sort], somebody.id])).toString('base64url');

/** Every filter under every sort; the directions take turns, and all but every fifth request start deep in the list. */
const clientRows: readonly ListRow[] = Object.entries(filters).flatMap(([filter, query]) =>
  clientSorts.map((sort): ListRow => ({
    name: `clients by ${sort}, ${filter}`,
    path: (from, i) => {
      const cursor = i % 5 === 0 ? '' : `&cursor=${cursorOf(from, sort)}`;
      return `/v1/clients?${query}&sort=${i % 2 === 0 ? '' : '-'}${sort}${cursor}`;
    },
  })),
);

const ofClient = (name: string, rest = ''): ListRow => ({ name, path: ({ id }) => `/v1/clients/${id}${rest}` });

/** All that is timed. */
export const rowsFor = (release: string): readonly ListRow[] => [
  ...clientRows,
  ofClient('one client'),
  ofClient('its history', '/history'),
  ofClient('its events', '/events'),
  ofClient('its queue', '/queue?all=true'),
  { name: 'clients of a release', path: ({ id }) => `/v1/releases/${release}/clients?cursor=${encode([id])}` },
  { name: '  pending', path: ({ id }) => `/v1/releases/${release}/clients?state=pending&cursor=${encode([id])}` },
  { name: '  delivered', path: ({ id }) => `/v1/releases/${release}/clients?state=delivered&cursor=${encode([id])}` },
  { name: '  failed', path: ({ id }) => `/v1/releases/${release}/clients?state=failed&cursor=${encode([id])}` },
  { name: 'the log', path: (_, i) => `/v1/events?after=${i * 20_000}` },
  { name: '  of a rare type', path: (_, i) => `/v1/events?type=client-edited&after=${i * 20_000}` },
  { name: '  of one client', path: ({ id }) => `/v1/events?client=${id}` },
  { name: 'components', path: () => '/v1/components' },
  { name: 'verifications', path: () => '/v1/verifications' },
  { name: 'history of the fleet', path: () => '/v1/fleet/history' },
];

const encode = (values: readonly string[]): string => Buffer.from(JSON.stringify(values)).toString('base64url');

/** Clients spread over the fleet. */
export const somebodies = (db: Database, prefix: string, ordinals: readonly number[]): Promise<Somebody[]> => db<
  Somebody[]
>`
  SELECT c.id, c.list_name AS name, p.status, ${timeText(db, 'p.since')} AS since,
         ${timeText(db, 'c.registered_at')} AS "registeredAt"
  FROM client c JOIN presence p ON p.client_id = c.id
  WHERE c.lane = 0 AND c.ordinal = ANY(${[...ordinals]}) AND starts_with(c.id, ${prefix})`;

const timeText = (db: Database, column: string) =>
  db`to_char(${db(column)} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
