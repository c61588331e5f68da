import { clientSorts, enrolmentStates, progressStates, statuses } from '#contracts';
import { idOf, releaseId, verificationId } from './seed.js';

const filters = [
  '',
  ...statuses.map((status) => `status=${encodeURIComponent(status)}`),
  'network=direct',
  'network=nat-3',
  'network=nowhere',
  'group=site-5',
  'group=site-39/phones',
  'label=os:linux',
  'label=room:r7',
  'label=rare:yes',
  'label=rare:no',
  'q=000017',
  'q=pc-0',
  'q=nobody-has-this',
  'q=a1',
  'q=z',
  'undelivered=true',
  'undelivered=false',
  'undelivered=true&q=0007',
  'undelivered=false&status=Offline',
  'status=Unreachable/Offline&group=site-39',
  'status=Unreachable/Offline&label=os:linux',
  'status=Offline&label=rare:yes',
  'group=site-39&label=room:r7',
  'group=site-39&q=a1',
  'network=nat-3&q=a1b',
  'label=os:linux&label=rare:yes&status=Online&undelivered=true',
];

/** Every filter under every sort, in both directions; each is asked for the next page too. */
const clientLists = filters.flatMap((filter) =>
  clientSorts.flatMap((sort) => [`?${filter}&sort=${sort}&limit=20`, `?${filter}&sort=-${sort}&limit=20`]),
);

const client = `/v1/clients/${idOf(17)}`;
const release = `/v1/releases/${releaseId}`;
const yesterday = new Date(Date.now() - 3_600_000).toISOString();

/** What is asked of each GET route of the API. A route that is not here fails the test: how does it do in a large fleet? */
export const requests: Readonly<Record<string, readonly string[]>> = {
  '/v1/clients': [...clientLists, '?q=pc-0&total=true'].map((query) => `/v1/clients${query}`),
  '/v1/clients/{id}': [client, `${client}?asOf=${yesterday}`],
  '/v1/clients/{id}/credentials': [`${client}/credentials?limit=1`],
  '/v1/copies': ['/v1/copies?limit=20'],
  '/v1/enrolment-tokens': ['/v1/enrolment-tokens?limit=20'],
  '/v1/enrolment-tokens/{id}': [],
  '/v1/enrolments': ['', ...enrolmentStates.map((state) => `state=${state}&`)].map(
    (state) => `/v1/enrolments?${state}limit=20`,
  ),
  // For who has the token; it is found by its id.
  '/v1/enrolments/{id}': [],
  '/v1/clients/{id}/history': [`${client}/history?limit=1`],
  '/v1/clients/{id}/events': [`${client}/events?limit=1`, `${client}/events?from=${yesterday}&limit=50`],
  '/v1/clients/{id}/queue': [`${client}/queue`, `${client}/queue?all=true`],
  '/v1/clients/{id}/settings': [`${client}/settings`],
  '/v1/clients/{id}/settings/effective': [`${client}/settings/effective`],
  '/v1/settings': ['/v1/settings'],
  '/v1/groups/{path}/settings': ['/v1/groups/site-5/settings'],
  '/v1/groups': ['/v1/groups'],
  '/v1/networks': ['/v1/networks'],
  '/v1/components': ['/v1/components'],
  '/v1/releases/{id}': [release],
  '/v1/releases/{id}/clients': ['', ...progressStates.map((state) => `state=${state}&`)].map(
    (state) => `${release}/clients?${state}limit=20`,
  ),
  '/v1/verifications': ['/v1/verifications'],
  '/v1/verifications/{id}': [`/v1/verifications/${verificationId}`],
  '/v1/keys': ['/v1/keys'],
  '/v1/keys/{id}': [],
  '/v1/fleet': ['/v1/fleet', `/v1/fleet?asOf=${yesterday}`],
  '/v1/fleet/history': ['/v1/fleet/history?step=PT1H', `/v1/fleet/history?from=${yesterday}&step=PT10M`],
  '/v1/events': [
    '/v1/events?limit=20',
    '/v1/events?after=50000&limit=20',
    '/v1/events?type=update-started&limit=20',
    '/v1/events?type=group-removed&limit=20',
    `/v1/events?client=${idOf(17)}&limit=1`,
    `/v1/events?client=${idOf(17)}&type=update-started&limit=20`,
  ],
  '/v1/audit': [
    '/v1/audit?limit=20',
    '/v1/audit?after=100&limit=20',
    '/v1/audit?actor=admin:key-3&limit=20',
    '/v1/audit?actor=admin:nobody&limit=20',
    '/v1/audit?type=client-edited&limit=20',
    '/v1/audit?type=group-removed&limit=20',
    `/v1/audit?client=${idOf(17)}&limit=20`,
    '/v1/audit?group=site-5&limit=20',
    '/v1/audit?group=nowhere&limit=20',
    `/v1/audit?from=${yesterday}&limit=20`,
    `/v1/audit?to=${yesterday}&limit=20`,
    `/v1/audit?from=${yesterday}&actor=admin:key-3&type=client-edited&group=site-5&limit=20`,
  ],
  '/v1/audit/head': ['/v1/audit/head'],
  '/v1/lanes': ['/v1/lanes'],
  '/v1/storage': ['/v1/storage'],
  '/v1/rejects': ['/v1/rejects'],
  '/v1/projections': ['/v1/projections'],
  '/metrics': ['/metrics'],
  '/healthz': ['/healthz'],
  '/readyz': ['/readyz'],
};
