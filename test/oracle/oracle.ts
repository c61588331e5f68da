import { type Client, putOffline, unknown } from './client.js';
import type { Entry } from './history.js';
import { dueOffline, dueRemoval, sureToBeat } from './limits.js';
import { endedBy, isMessage, type Outages, outagesIn } from './outages.js';
import { applies } from './policy.js';
import { acknowledge, answered, classify, contact, grant, takeOff, unanswered, type World } from './rules.js';

/** A client as the rules have it at the end, and when it goes offline if it stays silent; null: never. */
export type Judged = Client & { readonly offlineAt: number | null };

/** R8: so many are removed in an hour at most. */
const removalsPerHour = { count: 1_000, hour: 3_600_000 };

/**
 * What the rules say about every client of a lane, given all that happened to it. It reads the history with hindsight:
 * that somebody was away is known to it while it lasts, as it is to an administrator who looks back.
 */
export class Oracle {
  private readonly clients = new Map<string, Client>();
  private readonly outages: Outages;
  private readonly removals: number[] = [];
  private world: World = { levels: [], networks: [] };
  private now = 0;

  constructor(private readonly entries: readonly Entry[]) {
    this.outages = outagesIn(entries);
  }

  judge(): ReadonlyMap<string, Judged> {
    for (const entry of this.entries) {
      if (isMessage(entry)) this.letTimePass(entry);
      this.world = change(this.world, entry);
      for (const client of this.concerned(entry)) {
        this.clients.set(client.id, this.tighten(client, this.apply(client, entry), entry.at));
      }
    }
    const judged = (client: Client) => ({ ...client, offlineAt: dueOffline(client, this.now, this.outages) });
    return new Map([...this.clients].map(([id, client]) => [id, judged(client)]));
  }

  /** Time is the log's time: that of the last message. */
  private letTimePass({ at, type }: Entry): void {
    for (const client of this.clients.values()) this.clients.set(client.id, this.silence(client, at, type === 'tick'));
    if (type === 'tick') this.removeInactive(at);
    this.now = at;
  }

  /**
   * R5: whoever was due has gone offline when it was. A contact at that very moment is in time. Of who needs the server
   * to be heard, only a tick tells that it was not heard for another reason (G1).
   */
  private silence(client: Client, at: number, isTick: boolean): Client {
    const due = dueOffline(client, this.now, this.outages);
    return due !== null && due < at && (isTick || sureToBeat(client)) ? putOffline(client, due, 'silence') : client;
  }

  /** R8: the longest overdue first, as many as the hour allows. */
  private removeInactive(at: number): void {
    const due = [...this.clients.values()].flatMap((client) => {
      const removal = dueRemoval(client, this.now, this.outages);
      return removal === null ? [] : [{ client, removal }];
    });
    for (const { client, removal } of due.sort((a, b) => a.removal - b.removal)) {
      const time = Math.max(removal, this.nextRemoval());
      if (time >= at) continue;
      this.removals.push(time);
      this.clients.set(client.id, takeOff(client, time, 'inactive'));
    }
  }

  private nextRemoval(): number {
    const { count, hour } = removalsPerHour;
    const first = this.removals.at(-count);
    return first === undefined ? 0 : first + hour;
  }

  private concerned(entry: Entry): readonly Client[] {
    if ('client' in entry) return [this.clients.get(entry.client) ?? unknown(entry.client)];
    return entry.type === 'tick' ? [] : [...this.clients.values()];
  }

  private apply(client: Client, entry: Entry): Client {
    switch (entry.type) {
      case 'contact':
        return contact(client, entry, this.world);
      case 'answered':
        return answered(client, entry.at);
      case 'unanswered':
        return unanswered(client, entry.at, entry.asked, this.outages);
      case 'settings': {
        const concerned = client.listed && applies(entry.level, client.id, client.group);
        return concerned ? grant(client, entry.at, entry.revision, this.world) : client;
      }
      case 'moved':
        return client.listed ? grant({ ...client, group: entry.group }, entry.at, entry.revision, this.world) : client;
      case 'acknowledged':
        return client.listed ? acknowledge(client, entry.revision) : client;
      case 'networks':
        return classify(client, entry.at, this.world);
      case 'removed':
        return takeOff(client, entry.at, 'uninstalled');
      case 'tick':
        return client;
    }
  }

  /**
   * G3: a limit that becomes tighter is not in force before it does, however long the silence already is. Whoever was
   * due before, by what was known then, is due when it was.
   */
  private tighten(before: Client, after: Client, at: number): Client {
    const earlier = (due: typeof dueOffline) => {
      const was = due(before, this.now, this.outages);
      const is = due(after, this.now, this.outages);
      return is !== null && (was === null || is < was);
    };
    if (!earlier(dueOffline) && !earlier(dueRemoval)) return after;
    const known = endedBy(this.now, this.outages);
    const was = dueOffline(before, this.now, known) ?? dueRemoval(before, this.now, known) ?? at;
    return { ...after, limitSince: Math.min(at, was) };
  }
}

function change(world: World, entry: Entry): World {
  if (entry.type === 'networks') return { ...world, networks: entry.networks };
  if (entry.type !== 'settings') return world;
  const { level, policy } = entry;
  const others = world.levels.filter((other) => JSON.stringify(other.level) !== JSON.stringify(level));
  return { ...world, levels: [...others, { level, policy }] };
}
