import type { AckResult, WorkReply } from '#contracts';

/** How often an agent fails to apply what it gets. */
const failureShare = 0.02;

/** One agent: what it has, and what it does with a reply. */
export class SimulatedAgent {
  settingsRevision = '0';
  installed: Record<string, string> = {};
  failed: Record<string, string> = {};
  sent = 0;
  answered = 0;

  /** The payload of its polls. */
  report(): string {
    return JSON.stringify({ settingsRevision: this.settingsRevision, installed: this.installed });
  }

  /** Applies what came, or fails to; what to acknowledge. */
  apply({ settings, updates }: WorkReply): readonly AckResult[] {
    const results: AckResult[] = [];
    if (settings) {
      const { revision } = settings;
      const outcome = this.attempt('settings', revision, () => (this.settingsRevision = revision));
      results.push({ kind: 'settings', revision, ...outcome });
    }
    for (const { component, version } of updates) {
      const outcome = this.attempt(component, version, () => (this.installed[component] = version));
      results.push({ kind: 'update', component, version, ...outcome });
    }
    return results;
  }

  private attempt(key: string, revision: string, succeed: () => void) {
    if (Math.random() < failureShare) {
      this.failed[key] = revision;
      return { outcome: 'failed', error: 'The disk is full.' } as const;
    }
    delete this.failed[key];
    succeed();
    return { outcome: 'applied' } as const;
  }
}
