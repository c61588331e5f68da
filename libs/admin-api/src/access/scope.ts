import { ReachbackError } from '#contracts';
import { groupChain } from '#domain';
import type { Queryable } from '#event-log';

/**
 * The part of the fleet that a caller may see and change: a group with all below it, or all. Whatever finds, lists or
 * counts takes one, so that none can be forgotten; only the guard makes one out of a caller's key.
 */
export class Scope {
  /** All there is. */
  static readonly fleet = new Scope('');

  /** @param group a group's path; empty is the fleet */
  constructor(readonly group: string) {}

  get isFleet(): boolean {
    return this.group === '';
  }

  /** Whether a group, and so all below it, is within. */
  covers(path: string): boolean {
    return this.isFleet || path === this.group || path.startsWith(`${this.group}/`);
  }

  /** Whether a group has clients within, because it lies within or above. */
  touches(path: string): boolean {
    return this.covers(path) || groupChain(this.group).includes(path);
  }

  /**
   * The group to look in when a caller asks for one, or for none (undefined or empty); undefined when nothing of what is
   * asked for is within.
   */
  narrow(wanted: string | undefined): string | undefined {
    if (!wanted || groupChain(this.group).includes(wanted)) return this.group;
    return this.covers(wanted) ? wanted : undefined;
  }

  /** @throws {ReachbackError} `forbidden`, whether the group exists or not */
  assertCovers(path: string, field?: string): void {
    if (this.covers(path)) return;
    throw new ReachbackError(
      'forbidden',
      `${field === undefined ? '' : `${field}: `}this key is limited to the group "${this.group}" and those below it.`,
      undefined,
      field,
    );
  }

  /** That a column with a group's path lies within, as a condition that goes on from others. */
  condition(db: Queryable, column: string) {
    if (this.isFleet) return db``;
    return db`AND is_within(${db(column)}, ${this.group})`;
  }

  /** The paths of the groups within, for an index by group. */
  paths(db: Queryable) {
    return db`ARRAY(SELECT path FROM group_node WHERE is_within(path, ${this.group}))`;
  }
}
