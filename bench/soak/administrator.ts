import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ask } from '../system/server.js';
import { type Book, emptyBook, type Target } from './book.js';
import { idOf, regionOf, ringOf, siteOf } from './members.js';
import type { Policy } from './result.js';

const components = 4;
/** Clients that a release to named clients names. */
const named = 100;
const rolloutOver = 'PT3M';
/** Deadlines, in seconds: one that passes while most clients have not polled, and one that does not pass. */
export const shortDeadline = 45;
const longDeadline = 7 * 86_400;

const retryPause = 250;
/** Seconds until a write that is not answered has failed: several times what a killed server takes to come back. */
const patience = 120;

/** Changes settings and publishes releases in turn, and keeps the book. Writes are repeated until they are answered. */
export class Administrator {
  readonly book: Book = emptyBook();
  private writes = 0;
  private changes = 0;

  /** @param server the one that runs right now, or the next one */
  constructor(
    private readonly clients: number,
    private readonly server: () => Promise<{ readonly ask: Ask }>,
    private readonly signal: AbortSignal,
  ) {}

  get settingsChanged(): number {
    return this.changes;
  }

  /** Of the whole fleet. */
  async setPolicy({ heartbeat, poll, offlineAfter }: Policy): Promise<void> {
    const values = { heartbeat: { interval: heartbeat }, poll: { interval: poll }, offlineAfter };
    this.book.fleetRevision = await this.patch('/v1/settings', { reachback: values });
  }

  /** One setting on one level; fleet, group and client take turns. */
  async changeSetting(): Promise<void> {
    const i = this.changes++;
    const turn = Math.floor(i / 3);
    const values = { soak: { turn: i } };
    if (i % 3 === 0) this.book.fleetRevision = await this.patch('/v1/settings', values);
    else if (i % 3 === 1) {
      const group = turn % 2 === 0 ? siteOf(turn) : regionOf(turn);
      const revision = await this.patch(`/v1/groups/${encodeURIComponent(group)}/settings`, values);
      this.book.groupRevisions.set(group, revision);
    } else {
      const id = idOf((turn * 7_919) % this.clients);
      this.book.clientRevisions.set(id, await this.patch(`/v1/clients/${id}/settings`, values));
    }
  }

  /** A release of one component; targets, rollouts and deadlines take turns. */
  async publish(): Promise<void> {
    const i = this.book.releases.length;
    const [component, version, target] = [`engine-${i % components}`, `1.${i}`, this.targetOf(i)];
    const seconds = i % 5 === 2 ? shortDeadline : i % 5 === 4 ? longDeadline : null;
    const deliverBy = seconds === null ? null : Date.now() + seconds * 1000;
    await this.write('POST', `/v1/components/${component}/releases`, {
      version,
      url: `https://updates.example/${component}-${version}`,
      sha256: createHash('sha256').update(version).digest('hex'),
      size: 1_048_576,
      target,
      deliverBy: deliverBy === null ? null : new Date(deliverBy).toISOString(),
      rollout: i % 3 === 1 ? { over: rolloutOver } : null,
    });
    this.book.releases.push({ component, version, target, deliverBy });
  }

  /** Each component has each kind of target in turn. */
  private targetOf(i: number): Target {
    const kind = (i + Math.floor(i / components)) % 4;
    if (kind === 0) return { all: true };
    if (kind === 1) return { groups: i % 2 === 0 ? [siteOf(i), siteOf(i + 1)] : [regionOf(i)] };
    if (kind === 2) return { labels: { ring: ringOf(i) } };
    return { clients: Array.from({ length: named }, (_, k) => idOf((i * 7_919 + k * 1_999) % this.clients)) };
  }

  private async patch(path: string, values: object): Promise<number> {
    return Number((await this.write<{ revision: string }>('PATCH', path, values)).revision);
  }

  private async write<T>(method: string, path: string, body: object): Promise<T> {
    const key = `soak-${this.writes++}`;
    const deadline = Date.now() + patience * 1000;
    for (;;) {
      const { ask } = await this.server();
      try {
        return await ask<T>(method, path, body, key);
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await sleep(retryPause, undefined, { signal: this.signal });
      }
    }
  }
}
