import {
  type contactKinds,
  type Entry,
  type Level,
  type PolicyKeys,
  type UnreachableNetwork,
} from '../oracle/history.js';

/** The log's time at which every history begins, and the grid that all times lie on, in milliseconds. */
export const start = 1_795_425_000_000;
const grid = 100;
export const tickInterval = 500;

/** What a history is made of, before it has times. */
export type Step =
  | { readonly do: 'wait'; readonly ticks: number }
  | {
      readonly do: 'contact';
      readonly client: string;
      readonly kind: Kind;
      readonly ips: readonly string[] | null;
      readonly group: string;
    }
  | { readonly do: 'found'; readonly client: string; readonly askedAgo: number | null }
  | { readonly do: 'broker-away'; readonly length: number; readonly edits: readonly Edit[] }
  | {
      readonly do: 'server-away';
      readonly contacts: readonly { readonly after: number; readonly client: string; readonly kind: Kind }[];
      readonly length: number;
    }
  | Edit;

/** What administrators and acknowledgements do: facts that do not come through the broker. */
export type Edit =
  | { readonly do: 'settings'; readonly level: Level; readonly policy: PolicyKeys }
  | { readonly do: 'networks'; readonly networks: readonly UnreachableNetwork[] }
  | { readonly do: 'move'; readonly client: string; readonly group: string }
  | { readonly do: 'remove'; readonly client: string }
  | { readonly do: 'acknowledge'; readonly client: string; readonly behind: number };

export type Kind = (typeof contactKinds)[number];

/** Gives every step its time: a hundred milliseconds after the one before, with ticks in between while the server is there. */
export const timed = (steps: readonly Step[]): readonly Entry[] => {
  const story = new Story();
  for (const step of steps) story.tell(step);
  return story.entries;
};

class Story {
  readonly entries: Entry[] = [{ at: start, type: 'tick' }];
  private now = start;
  private revision = 0;
  private readonly revisions: number[] = [0];

  tell(step: Step): void {
    if (step.do === 'wait') return this.pass(step.ticks * tickInterval);
    if (step.do === 'broker-away') return this.brokerAway(step.length, step.edits);
    if (step.do === 'server-away') return this.serverAway(step);
    this.pass(grid);
    if (step.do === 'contact') {
      const { client, kind, ips, group } = step;
      const saysIps = ips !== null && saying.has(kind);
      const register = kind === 'register' ? { group } : {};
      return this.add({ type: 'contact', client, kind, ...(saysIps ? { ips } : {}), ...register });
    }
    if (step.do !== 'found') return this.edit(step);
    const { client, askedAgo } = step;
    this.add(
      askedAgo === null
        ? { type: 'answered', client }
        : { type: 'unanswered', client, asked: Math.max(start, this.now - askedAgo) },
    );
  }

  private edit(edit: Edit): void {
    switch (edit.do) {
      case 'settings':
        return this.add({ type: 'settings', level: edit.level, policy: edit.policy, revision: this.nextRevision() });
      case 'networks':
        return this.add({ type: 'networks', networks: edit.networks });
      case 'move':
        return this.add({ type: 'moved', client: edit.client, group: edit.group, revision: this.nextRevision() });
      case 'remove':
        return this.add({ type: 'removed', client: edit.client });
      case 'acknowledge':
        return this.add({
          type: 'acknowledged',
          client: edit.client,
          revision: this.revisions.at(-1 - edit.behind) ?? 0,
        });
    }
  }

  /** Nothing arrives; administrators go on. The first to be heard then is a tick, or a contact. */
  private brokerAway(length: number, edits: readonly Edit[]): void {
    const until = this.now + length;
    for (const edit of edits) {
      this.now += grid;
      this.edit(edit);
    }
    this.now = Math.max(this.now, until);
  }

  /** What is published is stored; nobody ticks or answers until the server is back. */
  private serverAway({ contacts, length }: Extract<Step, { do: 'server-away' }>): void {
    for (const { after, client, kind } of contacts) {
      this.now += after + grid;
      this.add({ type: 'contact', client, kind });
    }
    this.now += length;
    this.now += tickInterval - (this.now % tickInterval);
    this.add({ type: 'tick' });
  }

  private pass(length: number): void {
    for (const until = this.now + length; this.now < until;) {
      this.now += grid;
      if (this.now % tickInterval === 0) this.add({ type: 'tick' });
    }
  }

  private nextRevision(): number {
    this.revisions.push(++this.revision);
    return this.revision;
  }

  private add(entry: EntryBody): void {
    this.entries.push({ at: this.now, ...entry });
  }
}

type EntryBody = Entry extends infer E ? (E extends Entry ? Omit<E, 'at'> : never) : never;

/** The contacts that tell IPs. */
const saying: ReadonlySet<Kind> = new Set(['register', 'start', 'reload', 'poll', 'heartbeat']);

/** A history as one reads it: what a failing property prints. */
export const inWords = (entries: readonly Entry[]): string => {
  const told = entries.filter(
    ({ type }, i) => type !== 'tick' || entries[i - 1]?.type !== 'tick' || entries[i + 1]?.type !== 'tick',
  );
  return told.map(({ at, ...rest }) => `+${(at - start) / 1000}s ${JSON.stringify(rest)}`).join('\n');
};
