import { ReachbackError } from '#contracts';
import { type Caller, includes } from './caller.js';
import type { Requirement } from './requires.js';

/** @throws {ReachbackError} `forbidden`, with what is missing */
export const assertAllowed = ({ role, scope }: Caller, needed: Requirement): void => {
  if (!includes(role, needed.role)) {
    throw new ReachbackError('forbidden', `This needs the role ${needed.role}; the key has the role ${role}.`);
  }
  if (needed.fleet && !scope.isFleet) {
    throw new ReachbackError(
      'forbidden',
      `This is about the whole fleet; the key is limited to the group "${scope.group}" and those below it.`,
    );
  }
};
