import { randomUUID } from 'node:crypto';
import { ReachbackError, type ReleaseBody, type ReleaseTarget } from '#contracts';
import { formatDuration, parseDuration, policyLimits } from '#domain';
import type { Scope } from '../access/scope.js';
import type { Write } from '../writes/writer.js';
import { findRelease } from './select-releases.js';

/**
 * Publishes a version of a component; by a caller who is limited to a group, for nobody outside of it.
 *
 * @returns the release's id
 * @throws {ReachbackError} `forbidden` for a target outside; `conflict` when the version is published already; `bad_request` for a rollout that is no
 * duration between a second and 90 days
 */
export const publishRelease = async (
  { tx, append }: Write,
  scope: Scope,
  component: string,
  body: ReleaseBody,
): Promise<string> => {
  assertWithin(scope, body.target);
  const rollout = body.rollout ? { over: normalDuration(body.rollout.over) } : null;
  const [existing] = await tx<{ id: string }[]>`
    SELECT id FROM release WHERE component = ${component} AND version = ${body.version}`;
  if (existing) {
    const isSeen = (await findRelease(tx, scope, existing.id)) !== undefined;
    throw new ReachbackError(
      'conflict',
      `${component} ${body.version} is published already${isSeen ? `, as ${existing.id}` : ''}; a version is never changed.`,
    );
  }
  const id = randomUUID();
  const deliverBy = body.deliverBy ? new Date(body.deliverBy).toISOString() : null;
  const within = scope.isFleet ? null : scope.group;
  await append({
    type: 'release-published',
    client: null,
    data: { ...body, id, component, deliverBy, rollout, within },
  });
  return id;
};

/**
 * Clients named are not looked for, lest the answer tells whether they exist: those elsewhere just do not get it. Nor are
 * those that carry the labels.
 */
const assertWithin = (scope: Scope, target: ReleaseTarget): void => {
  if ('all' in target && !scope.isFleet) {
    throw new ReachbackError(
      'forbidden',
      `target.all: this key is limited to the group "${scope.group}"; name that, or groups below it.`,
      undefined,
      'target.all',
    );
  }
  if ('all' in target) return;
  target.groups?.forEach((path, i) => scope.assertCovers(path, `target.groups.${i}`));
};

const normalDuration = (over: string): string => {
  const { min, max } = policyLimits;
  const milliseconds = parseDuration(over);
  if (milliseconds === undefined || milliseconds < min || milliseconds > max) {
    const message = 'rollout.over: must be an ISO 8601 duration between PT1S and PT129600M (90 days), such as PT4H';
    throw new ReachbackError('bad_request', message, undefined, 'rollout.over');
  }
  return formatDuration(milliseconds);
};
