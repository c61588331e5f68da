import { randomUUID } from 'node:crypto';
import type { Fact, NewFact, SettledItem, WorkItem } from '#contracts';
import { appendFacts, type Transaction } from '#event-log';
import { inlineProjections, workCounts } from '#projections';
import { clients, type Step } from './steps.js';

const meta = { actor: 'test' };
type StepOfClient = Exclude<Extract<Step, { client: string }>, { do: 'register' }>;

/** Turns what happens to a fleet into facts, as the server would, and appends them. */
export class Story {
  private readonly releases: { readonly id: string; readonly component: string; readonly version: string }[] = [];
  /** Positions at which settings changed. */
  private readonly revisions: string[] = ['0'];
  private uncounted: Fact[] = [];

  constructor(private readonly tx: Transaction) {}

  async tell(step: Step): Promise<void> {
    const facts = await this.factsOf(step);
    for (const fact of await appendFacts(this.tx, 0, facts, inlineProjections)) {
      if (fact.type === 'settings-changed' || fact.type === 'client-edited' || fact.type === 'group-removed')
        this.revisions.push(String(fact.position));
      if (workCounts.handles.includes(fact.type)) this.uncounted.push(fact);
    }
  }

  /** Counts what was sent and confirmed since the last time, together. */
  async count(): Promise<void> {
    if (this.uncounted.length > 0) await workCounts.apply(this.uncounted, this.tx);
    this.uncounted = [];
  }

  private async factsOf(step: Step): Promise<readonly NewFact[]> {
    switch (step.do) {
      case 'register': {
        const { client, group, labels, installed } = step;
        if (await this.isRegistered(client)) return [];
        const ordinal = clients.indexOf(client);
        const data = { ordinal, name: null, group, labels, ips: [], agentVersion: null, installed };
        return [{ type: 'client-registered', client, meta, data }];
      }
      case 'settings':
        return [this.settings(step)];
      case 'remove-group':
        return this.removeGroup(step);
      case 'publish':
        return [this.publish(step)];
      case 'change':
        return this.change(step);
      default:
        return (await this.isRegistered(step.client)) ? this.aboutClient(step) : [];
    }
  }

  private async aboutClient(step: StepOfClient): Promise<readonly NewFact[]> {
    const { client } = step;
    switch (step.do) {
      case 'reinstall': {
        const settingsRevision = step.keepsSettings ? await this.confirmed(client) : null;
        const data = { agentVersion: null, installed: step.installed, settingsRevision };
        return [{ type: 'client-reinstalled', client, meta, data }];
      }
      case 'report':
        return [{ type: 'client-reported', client, meta, data: { installed: step.installed } }];
      case 'move':
        return [{ type: 'client-edited', client, meta, data: { group: step.group } }];
      case 'label':
        return [{ type: 'client-edited', client, meta, data: { labels: step.labels } }];
      case 'remove':
        return [{ type: 'client-removed', client, meta, data: { cause: 'uninstalled', by: 'agent' } }];
      case 'transition': {
        const network = step.status.startsWith('Unreachable') ? 'unreachable' : 'direct';
        const networkName = network === 'unreachable' && step.named ? 'nat' : null;
        const data = {
          at: new Date().toISOString(),
          status: step.status,
          cause: 'poll',
          network,
          networkName,
        } as const;
        return [{ type: 'client-status-changed', client, meta, data }];
      }
      case 'poll':
        return this.deliver(client, await this.queue(client));
      case 'deliver':
        return this.deliver(client, this.item(step.release));
      case 'ack-all':
        return this.settle(client, await this.queue(client), step.outcome);
      case 'ack':
        return this.settle(client, this.item(step.release), step.outcome);
      case 'ack-settings': {
        const revision = this.revisions[step.revision % this.revisions.length] ?? '0';
        return this.settle(client, [{ kind: 'settings', key: 'settings', revision, release: null }], step.outcome);
      }
    }
  }

  private settings({ level, interval }: Extract<Step, { do: 'settings' }>): NewFact {
    const poll = { poll: { enabled: true, interval } };
    const values = interval === null ? { color: 'red' } : { reachback: poll };
    return { type: 'settings-changed', client: null, meta, data: { level, patch: values, values } };
  }

  private async removeGroup({ group, to }: Extract<Step, { do: 'remove-group' }>): Promise<readonly NewFact[]> {
    if (group === '' || to === group || to.startsWith(`${group}/`)) return [];
    const rows = await this.tx`
      SELECT FROM client WHERE removed_at IS NULL AND (group_path = ${group} OR starts_with(group_path, ${`${group}/`}))`;
    return [
      { type: 'group-removed', client: null, meta, data: { path: group, moveClientsTo: rows.length > 0 ? to : null } },
    ];
  }

  private publish({ component, target, deliverBy, rollout, within }: Extract<Step, { do: 'publish' }>): NewFact {
    const version = String(this.releases.length);
    const id = randomUUID();
    this.releases.push({ id, component, version });
    const late = { past: '2020-01-01T00:00:00.000Z', soon: new Date(Date.now() + 40).toISOString() };
    const data = {
      ...{ id, component, version, url: '', sha256: '', size: 0, target },
      deliverBy: deliverBy === null ? null : late[deliverBy],
      rollout: rollout ? { over: 'PT1H' } : null,
      // Nobody who is limited to a group publishes for all.
      within: 'all' in target ? null : within,
    };
    return { type: 'release-published', client: null, meta, data };
  }

  private async change({ release, to }: Extract<Step, { do: 'change' }>): Promise<readonly NewFact[]> {
    const found = this.releases[release % Math.max(this.releases.length, 1)];
    if (!found) return [];
    const open = await this.tx`SELECT FROM release WHERE id = ${found.id} AND withdrawn_at IS NULL`;
    if (open.length === 0) return [];
    if (to === 'held') {
      const data = { id: found.id, key: 'k', reason: 'key-revoked' } as const;
      return [{ type: 'release-held', client: null, meta, data }];
    }
    const type = ({ paused: 'release-paused', resumed: 'release-resumed', withdrawn: 'release-withdrawn' } as const)[
      to
    ];
    return [{ type, client: null, meta, data: { id: found.id } }];
  }

  private item(release: number): readonly WorkItem[] {
    const found = this.releases[release % Math.max(this.releases.length, 1)];
    return found ? [{ kind: 'update', key: found.component, revision: found.version, release: found.id }] : [];
  }

  private deliver(client: string, items: readonly WorkItem[]): readonly NewFact[] {
    return items.length > 0 ? [{ type: 'work-delivered', client, meta, data: { items, request: null } }] : [];
  }

  private settle(client: string, work: readonly WorkItem[], outcome: 'applied' | 'failed'): readonly NewFact[] {
    const items = work.map((item): SettledItem => ({ ...item, outcome, error: null, via: 'ack' }));
    return items.length > 0 ? [{ type: 'work-settled', client, meta, data: { items } }] : [];
  }

  private queue(client: string) {
    return this.tx<WorkItem[]>`SELECT kind, key, revision, release FROM undelivered_work WHERE client_id = ${client}`;
  }

  private async isRegistered(client: string): Promise<boolean> {
    return (await this.tx`SELECT FROM client WHERE id = ${client} AND removed_at IS NULL`).length > 0;
  }

  private async confirmed(client: string): Promise<string | null> {
    const [row] = await this.tx<{ revision: bigint }[]>`
      SELECT settings_revision AS revision FROM client WHERE id = ${client}`;
    return row ? String(row.revision) : null;
  }
}
