import { headers } from '@nats-io/transport-node';
import type { QueueItem, ReleaseClient, ReleaseProgress, WorkReply } from '#contracts';
import type { System } from './system.js';

/** A release as the API shows it, its times as text. */
export type ReleaseBody = {
  readonly id: string;
  readonly progress: ReleaseProgress;
  readonly eta: string | null;
  readonly publishedAt: string;
  readonly pausedAt: string | null;
  readonly withdrawnAt: string | null;
  readonly rollout: { readonly over: string } | null;
};

type Result = { readonly outcome: 'applied' | 'failed'; readonly error?: string };

/** What tests of delivery do as administrators and as agents. */
export const deliveringOn = (system: () => System) => {
  const queue = async (id: string, all = false): Promise<readonly QueueItem[]> =>
    (await system().rest.get<{ items: QueueItem[] }>(`/v1/clients/${id}/queue${all ? '?all=true' : ''}`)).items;
  const ack = (id: string, results: readonly object[]) => system().request(id, 'ack', { results });
  const ackSettings = (id: string, revision: string | undefined, result: Result = { outcome: 'applied' }) =>
    ack(id, [{ kind: 'settings', revision, ...result }]);
  return {
    queue,
    /** Where one piece of a client's work stands, finished or not; undefined when there is none of that name. */
    item: async (id: string, key: string, revision: string) =>
      (await queue(id, true)).find((item) => item.key === key && item.revision === revision),
    /** Publishes; the release's id. */
    publish: async (component: string, version: string, more: object = {}): Promise<string> => {
      const body = {
        version,
        url: 'https://updates.example/x',
        sha256: 'a'.repeat(64),
        size: 1,
        target: { all: true },
        ...more,
      };
      const path = `/v1/components/${component}/releases`;
      const { status, body: answer } = await system().rest.send<ReleaseBody>('POST', path, body);
      if (status !== 201) throw new Error(`publishing answered ${status}: ${JSON.stringify(answer)}`);
      return answer.id;
    },
    change: (id: string, what: 'pause' | 'resume' | 'withdraw') =>
      system().rest.send<ReleaseBody & { code?: string }>('POST', `/v1/releases/${id}/${what}`),
    release: (id: string) => system().rest.get<ReleaseBody>(`/v1/releases/${id}`),
    clients: async (id: string, query = '') =>
      await system().rest.get<{
        items: (Omit<ReleaseClient, 'expectedAt' | 'admittedAt'> & {
          expectedAt: string | null;
          admittedAt: string | null;
        })[];
        nextCursor: string | null;
      }>(`/v1/releases/${id}/clients${query}`),
    /** A request under a message id; the versions that its reply brings, by component. */
    requestAs: async (messageId: string, id: string, kind = 'poll', payload: object = {}) => {
      const h = headers();
      h.set('Nats-Msg-Id', messageId);
      const subject = `reachback.v1.${id}.${kind}`;
      const message = await system().nats.request(subject, JSON.stringify(payload), { headers: h, timeout: 10_000 });
      return message.json<WorkReply>();
    },
    ackUpdate: (id: string, component: string, version: string, result: Result = { outcome: 'applied' }) =>
      ack(id, [{ kind: 'update', component, version, ...result }]),
    ackSettings,
    /** Registers an unreachable client, and lets it confirm the settings. */
    enter: async (id: string, payload: object = {}): Promise<void> => {
      const reply = await system().request(id, 'register', { ips: ['10.1.2.3'], ...payload });
      await ackSettings(id, reply.settings?.revision);
    },
    /** The facts of a type about a client, or about all. */
    facts: async (type: string, client?: string) =>
      (
        await system().rest.get<{ items: { data: { items?: { key: string; revision: string }[] } }[] }>(
          `/v1/events?type=${type}&limit=1000${client === undefined ? '' : `&client=${client}`}`,
        )
      ).items,
  };
};

/** What a reply brings, as `component version`. */
export const versionsIn = ({ updates }: WorkReply): readonly string[] =>
  updates.map(({ component, version }) => `${component} ${version}`);
