import type { JsonObject, NewFact } from '#contracts';
import type { SourceMessage } from '#intake';
import type { Entry, Level, PolicyKeys } from '../oracle/history.js';

const meta = { actor: 'test' } as const;
/** All agents' clocks stand still, years ago (G8). */
const agentsClock = '2001-01-01T00:00:00.000Z';
const duration = (milliseconds: number): string => `PT${milliseconds / 1000}S`;

/** The message by which the broker brings an entry to the lane; undefined for what is no message. */
export const messageOf = (entry: Entry, sequence: number): SourceMessage | undefined => {
  const subject = subjectOf(entry);
  if (subject === undefined) return undefined;
  return { sequence, time: BigInt(entry.at) * 1_000_000n, subject, data: Buffer.from(payloadOf(entry)) };
};

const subjectOf = (entry: Entry): string | undefined => {
  switch (entry.type) {
    case 'tick':
      return 'reachback.internal.v1.tick';
    case 'contact':
      return `reachback.internal.v1.contact.${entry.client}.${entry.kind}`;
    case 'answered':
    case 'unanswered':
      return `reachback.internal.v1.contact.${entry.client}.${entry.type}`;
    default:
      return undefined;
  }
};

const payloadOf = (entry: Entry): string => {
  if (entry.type === 'unanswered') return JSON.stringify({ asked: new Date(entry.asked).toISOString() });
  return entry.type === 'contact' ? JSON.stringify({ ips: entry.ips, time: agentsClock }) : '';
};

/** What a responder appends when a client registers that is not on the list. */
export const registrationOf = (entry: Extract<Entry, { type: 'contact' }>, ordinal: number): NewFact => ({
  type: 'client-registered',
  client: entry.client,
  meta,
  data: {
    ordinal,
    name: null,
    group: entry.group ?? '',
    labels: {},
    ips: entry.ips ?? [],
    agentVersion: null,
    installed: {},
  },
});

/**
 * The fact by which an administrator's edit or an acknowledgement comes into the log; undefined for a message.
 *
 * @param positionOf where the settings of a revision stand in the log
 */
export const factOf = (entry: Entry, positionOf: (revision: number) => bigint): NewFact | undefined => {
  switch (entry.type) {
    case 'settings': {
      const values = { reachback: policyJson(entry.policy) };
      const data = { level: levelJson(entry.level), patch: values, values };
      return { type: 'settings-changed', client: null, meta, data };
    }
    case 'networks':
      return { type: 'networks-changed', client: null, meta, data: { networks: entry.networks } };
    case 'moved':
      return { type: 'client-edited', client: entry.client, meta, data: { group: entry.group } };
    case 'removed':
      return {
        type: 'client-removed',
        client: entry.client,
        meta,
        data: { cause: 'uninstalled', by: 'administrator' },
      };
    case 'acknowledged': {
      const revision = String(positionOf(entry.revision));
      const work = { kind: 'settings', key: 'settings', revision, release: null } as const;
      const items = [{ ...work, outcome: 'applied', error: null, via: 'ack' } as const];
      return { type: 'work-settled', client: entry.client, meta, data: { items } };
    }
    default:
      return undefined;
  }
};

const levelJson = (level: Level) => {
  if ('fleet' in level) return { scope: 'fleet' } as const;
  return 'group' in level
    ? ({ scope: 'group', path: level.group } as const)
    : ({ scope: 'client', id: level.client } as const);
};

const policyJson = ({ heartbeat, poll, offlineAfter, removeInactiveAfter }: PolicyKeys): JsonObject => ({
  ...(heartbeat ? { heartbeat: withInterval(heartbeat) } : {}),
  ...(poll ? { poll: withInterval(poll) } : {}),
  ...(offlineAfter === undefined ? {} : { offlineAfter: duration(offlineAfter) }),
  ...(removeInactiveAfter === undefined ? {} : { removeInactiveAfter: duration(removeInactiveAfter) }),
});

const withInterval = ({ interval, ...rest }: { readonly interval?: number }): JsonObject => ({
  ...rest,
  ...(interval === undefined ? {} : { interval: duration(interval) }),
});
