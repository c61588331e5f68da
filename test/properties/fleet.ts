import type { Entry, Level, UnreachableNetwork } from '../oracle/history.js';
import { clients } from './histories.js';
import { start } from './story.js';

/** After a time (milliseconds from the start), nothing arrives for so long. */
export type Pause = { readonly after: number; readonly length: number };

/**
 * Many histories as one lane's: each has clients, groups and networks of its own, whose ranges are disjoint; what it says
 * of the whole fleet holds for its groups. The broker is away for all of them at once.
 */
export const fleetOf = (
  histories: readonly (readonly Entry[])[],
  pauses: readonly Pause[],
): { readonly entries: readonly Entry[]; readonly clients: readonly string[] } => {
  const networks = new Networks();
  const named = histories.flatMap((entries, index) => entries.map((entry) => ({ index, entry })));
  const inOrder = named.sort((a, b) => a.entry.at - b.entry.at || rank(a.entry) - rank(b.entry));
  let revision = 0;
  const revisions = new Map<string, number>();
  const renumber = (index: number, old: number) => {
    revisions.set(`${index} ${old}`, ++revision);
    return revision;
  };
  let lastTick = -1;
  const entries = inOrder.flatMap(({ index, entry }): readonly Entry[] => {
    const at = shifted(entry.at, pauses);
    switch (entry.type) {
      case 'tick': {
        if (at === lastTick) return [];
        lastTick = at;
        return [{ ...entry, at }];
      }
      case 'contact': {
        const ips = entry.ips ? { ips: entry.ips.map((ip) => own(index, ip)) } : {};
        const group = entry.group === undefined ? {} : { group: groupOf(index, entry.group) };
        return [{ ...entry, at, client: clientOf(index, entry.client), ...ips, ...group }];
      }
      case 'settings': {
        const level = levelOf(index, entry.level);
        return [{ ...entry, at, level, revision: renumber(index, entry.revision) }];
      }
      case 'moved': {
        const group = groupOf(index, entry.group);
        const client = clientOf(index, entry.client);
        return [{ ...entry, at, client, group, revision: renumber(index, entry.revision) }];
      }
      case 'acknowledged': {
        const known = revisions.get(`${index} ${entry.revision}`) ?? 0;
        return [{ ...entry, at, client: clientOf(index, entry.client), revision: known }];
      }
      case 'networks':
        return [{ ...entry, at, networks: networks.change(index, entry.networks) }];
      case 'unanswered':
        return [{ ...entry, at, client: clientOf(index, entry.client), asked: shifted(entry.asked, pauses) }];
      default:
        return [{ ...entry, at, client: clientOf(index, entry.client) }];
    }
  });
  return { entries, clients: histories.flatMap((_, index) => clients.map((id) => clientOf(index, id))) };
};

/** Ticks come first where several things happen at once, as they do in every history. */
const rank = ({ type }: Entry): number => (type === 'tick' ? 0 : 1);

const shifted = (at: number, pauses: readonly Pause[]): number =>
  pauses.reduce((moved, { after, length }) => (at - start > after ? moved + length : moved), at);

const clientOf = (index: number, id: string): string => `h${index}-${id}`;
const groupOf = (index: number, group: string): string => (group === '' ? `h${index}` : `h${index}/${group}`);

const levelOf = (index: number, level: Level): Level => {
  if ('fleet' in level) return { group: groupOf(index, '') };
  return 'group' in level ? { group: groupOf(index, level.group) } : { client: clientOf(index, level.client) };
};

/** An address or range of a history, moved where no other history has one. */
const own = (index: number, text: string): string =>
  text
    .replace(/\b10\.(\d+)\.(\d+)\.(\d+)(\/8)?/g, (_, __, c: string, d: string, prefix?: string) =>
      prefix ? `10.${index}.0.0/16` : `10.${index}.${c}.${d}`,
    )
    .replaceAll('192.168.1.', `192.168.${index}.`)
    .replace(/^fd00::(\/8)?/, (_, prefix?: string) => `fd00:${index.toString(16)}::${prefix ? '/32' : ''}`);

/** The networks of all histories together. */
class Networks {
  private readonly byHistory = new Map<number, readonly UnreachableNetwork[]>();

  change(index: number, networks: readonly UnreachableNetwork[]): readonly UnreachableNetwork[] {
    const moved = networks.map(({ name, ranges }) => ({
      name: `h${index}-${name}`,
      ranges: ranges.map((range) => own(index, range)),
    }));
    this.byHistory.set(index, moved);
    return [...this.byHistory.values()].flat();
  }
}
