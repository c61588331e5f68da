import type { AgentState, Book, BookedRelease, Target } from './book.js';
import { idOf, memberOf } from './members.js';

/** A queue as text, so that two are compared as a whole: `update engine-1 1.7 pending`, sorted. */
export type QueueText = readonly string[];

/**
 * What is in a client's queue by the rules (R20, G4, G5), from nothing but what the administrator did and what the agent
 * has. It holds once the agent was answered everything and its acknowledgements too; then nothing is `delivered`.
 *
 * @param now milliseconds since 1970; no deadline may lie near it
 */
export const expectedQueue = (client: number, agent: AgentState, book: Book, now: number): QueueText => {
  const items: string[] = [];
  const add = (kind: string, key: string, revision: string): void => {
    items.push(`${kind} ${key} ${revision} ${agent.failed[key] === revision ? 'failed' : 'pending'}`);
  };
  const revision = String(effectiveRevision(client, book));
  if (revision !== agent.settingsRevision) add('settings', 'settings', revision);
  for (const { component, version, deliverBy } of newestReleases(client, book).values()) {
    const isExpired = deliverBy !== null && deliverBy <= now;
    if (!isExpired && agent.installed[component] !== version) add('update', component, version);
  }
  return items.sort();
};

/** The newest change on the way from the fleet to the client. */
const effectiveRevision = (client: number, book: Book): number => {
  const { group } = memberOf(client);
  const ofGroups = [...book.groupRevisions].filter(([path]) => isIn(group, path)).map(([, revision]) => revision);
  return Math.max(book.fleetRevision, book.clientRevisions.get(idOf(client)) ?? 0, ...ofGroups);
};

const newestReleases = (client: number, { releases }: Book): ReadonlyMap<string, BookedRelease> =>
  new Map(releases.filter(({ target }) => isFor(target, client)).map((release) => [release.component, release]));

/** Whether an agent has only what was meant for it. */
export const hasOnlyItsOwn = (client: number, { installed }: AgentState, { releases }: Book): boolean =>
  Object.entries(installed).every(([component, version]) =>
    releases.some(
      (release) => release.component === component && release.version === version && isFor(release.target, client),
    ),
  );

const isFor = (target: Target, client: number): boolean => {
  if ('all' in target) return true;
  if ('clients' in target) return target.clients.includes(idOf(client));
  const { group, labels } = memberOf(client);
  if ('groups' in target) return target.groups.some((path) => isIn(group, path));
  return Object.entries(target.labels).every(([label, value]) => labels[label] === value);
};

const isIn = (group: string, path: string): boolean => group === path || group.startsWith(`${path}/`);
