import type { ReleaseTarget } from '#contracts';
import type { Queryable } from '#event-log';
import type { Scope } from '../access/scope.js';

type Targeted = { readonly id: string; readonly target: ReleaseTarget; readonly within: string | null };

/** Releases as they look from a scope: their targets name no group and no client elsewhere. */
export const seenFrom = async <T extends Targeted>(
  db: Queryable,
  scope: Scope,
  releases: readonly T[],
): Promise<readonly T[]> => {
  if (scope.isFleet) return releases;
  const named = await namedWithin(db, scope, releases);
  return releases.map((release) => ({
    ...release,
    target: narrowed(release.target, scope, named),
    within: release.within === null || scope.covers(release.within) ? release.within : scope.group,
  }));
};

const narrowed = (target: ReleaseTarget, scope: Scope, named: ReadonlySet<string>): ReleaseTarget => {
  if ('all' in target) return target;
  const groups = target.groups?.filter((path) => scope.touches(path));
  const clients = target.clients?.filter((id) => named.has(id));
  return {
    ...(target.groups ? { groups: groups ?? [] } : {}),
    ...(clients?.length ? { clients } : {}),
    ...(target.labels ? { labels: target.labels } : {}),
  };
};

/**
 * Those of the releases that are for nobody outside of a scope, whoever registers or moves there: what a caller with this
 * scope may pause, resume and withdraw. It reads them itself: as they look from a scope, all of them are within.
 */
export const entirelyWithin = async (
  db: Queryable,
  scope: Scope,
  ids: readonly string[],
): Promise<ReadonlySet<string>> => {
  if (scope.isFleet) return new Set(ids);
  const releases = await db<Targeted[]>`
    SELECT id, target, to_within AS within FROM release WHERE id = ANY(${[...ids]}::uuid[])`;
  const named = await namedWithin(db, scope, releases);
  const own = releases.filter(({ target, within }) => {
    if (within !== null && scope.covers(within)) return true;
    if ('all' in target) return false;
    const groups = target.groups?.every((path) => scope.covers(path)) ?? target.labels === undefined;
    return groups && (target.clients ?? []).every((id) => named.has(id));
  });
  return new Set(own.map(({ id }) => id));
};

/** The clients within the scope that any of the releases names. */
const namedWithin = async (
  db: Queryable,
  scope: Scope,
  releases: readonly Targeted[],
): Promise<ReadonlySet<string>> => {
  const rows = await db<{ id: string }[]>`
    SELECT DISTINCT c.id FROM release_client t JOIN client c ON c.id = t.client_id
    WHERE t.release = ANY(${releases.map(({ id }) => id)}::uuid[]) ${scope.condition(db, 'c.group_path')}`;
  return new Set(rows.map(({ id }) => id));
};
