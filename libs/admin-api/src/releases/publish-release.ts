import { randomUUID } from 'node:crypto';
import { ReachbackError, type ReleaseBody } from '#contracts';
import { formatDuration, parseDuration, policyLimits } from '#domain';
import type { Write } from '../writes/writer.js';

/**
 * Publishes a version of a component.
 *
 * @returns the release's id
 * @throws {ReachbackError} `conflict` when the version is published already; `bad_request` for a rollout that is no
 * duration between a second and 90 days
 */
export const publishRelease = async ({ tx, append }: Write, component: string, body: ReleaseBody): Promise<string> => {
  const rollout = body.rollout ? { over: normalDuration(body.rollout.over) } : null;
  const [existing] = await tx<{ id: string }[]>`
    SELECT id FROM release WHERE component = ${component} AND version = ${body.version}`;
  if (existing) {
    throw new ReachbackError(
      'conflict',
      `${component} ${body.version} is published already, as ${existing.id}; a version is never changed.`,
    );
  }
  const id = randomUUID();
  const deliverBy = body.deliverBy ? new Date(body.deliverBy).toISOString() : null;
  await append({ type: 'release-published', client: null, data: { ...body, id, component, deliverBy, rollout } });
  return id;
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
