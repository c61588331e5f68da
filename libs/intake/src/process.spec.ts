import { describe, expect, test } from '@jest/globals';
import { subjects } from '#contracts';
import { contactLimit } from '#domain';
import type { Reject } from '#event-log';
import { direct, lane, second, start, unreachable } from '../../../test/helpers/lane.js';
import { Batch } from './batch.js';
import { ContactLimiter } from './contact-limiter.js';
import { processMessages, readMessages, toMilliseconds } from './process.js';

type Sent = { readonly subject: string; readonly payload?: unknown; readonly raw?: string; readonly after?: number };

/** A lane whose messages come from the stream: given clients, when messages arrive, then contacts, facts and rejects. */
const intake = (limiter = new ContactLimiter()) => {
  const { presence, client } = lane();
  const batch = new Batch();
  const rejects: Reject[] = [];
  let sequence = 0;
  const arrive = (...sent: readonly Sent[]) => {
    const messages = sent.map(({ subject, payload, raw, after = 0 }) => ({
      sequence: ++sequence,
      time: BigInt(start + after) * 1_000_000n,
      subject,
      data: Buffer.from(raw ?? (payload === undefined ? '' : JSON.stringify(payload))),
    }));
    const record = (reject: Reject) => rejects.push(reject);
    processMessages(readMessages(messages, presence.members), { presence, batch, limiter, rejects: { record } });
  };
  const facts = () => batch.segments.flatMap((segment) => segment.facts);
  const turns = () => facts().flatMap((fact) => (fact.type === 'client-status-changed' ? [fact.data] : []));
  return { presence, client, batch, rejects, arrive, facts, turns };
};
const beat = (id: string, payload?: unknown, after = 0): Sent => ({
  subject: subjects.agent(id, 'heartbeat'),
  payload,
  after,
});
const unanswered = (id: string, asked: number, after: number): Sent => ({
  subject: subjects.relayed(id, 'unanswered'),
  payload: { asked: new Date(start + asked).toISOString() },
  after,
});

describe('messages of the stream', () => {
  test('a beat is a contact of its client at its arrival', () => {
    const { client, arrive, batch, turns, presence } = intake();
    client('a');
    arrive(beat('a', undefined, 250));
    expect(batch.contacts).toBe(1);
    expect(turns()).toMatchObject([
      { status: 'Unreachable/Online', cause: 'heartbeat', at: new Date(start + 250).toISOString() },
    ]);
    expect(presence.clock).toBe(start + 250);
  });

  test('times of the broker are cut to milliseconds', () => {
    expect(toMilliseconds(1_999_999n)).toBe(1);
  });

  test('a tick lets time pass, and is no contact', () => {
    const { client, arrive, batch, rejects, turns, presence } = intake();
    client('a');
    arrive(beat('a'), ...[1, 2, 3, 4].map((n) => ({ subject: subjects.tick, after: n * second })));
    expect(batch.contacts).toBe(1);
    expect(rejects).toHaveLength(0);
    expect(turns().map(({ cause }) => cause)).toEqual(['heartbeat', 'silence']);
    expect(presence.lastTick).toBe(start + 4 * second);
  });

  test('R5: who was silent too long went offline before the contact that comes then', () => {
    const { client, arrive, turns } = intake();
    client('a');
    client('b');
    arrive(beat('a'), beat('b', undefined, 1_500), beat('b', undefined, 3_010), beat('a', undefined, 3_020));
    expect(turns().map(({ cause, at }) => [cause, Date.parse(at) - start])).toEqual([
      ['heartbeat', 0],
      ['heartbeat', 1_500],
      ['silence', 3_000],
      ['heartbeat', 3_020],
    ]);
  });

  test('what cannot be read is recorded with its reason, and harms nobody else', () => {
    const { client, arrive, batch, rejects } = intake();
    client('a');
    const bad = [
      beat('stranger', { time: '2026-11-24T10:00:00Z' }),
      { subject: subjects.agent('a', 'heartbeat'), raw: '{' },
      { subject: 'reachback.v1.a.sneeze' },
    ];
    arrive(...bad, beat('a'));
    expect(rejects.map(({ code }) => code)).toEqual(['not_registered', 'bad_json', 'bad_subject']);
    expect(rejects[0]).toMatchObject({ at: new Date(start), subject: 'reachback.v1.stranger.heartbeat' });
    expect(rejects[0]?.message).toContain('registered');
    expect(Buffer.from(rejects[0]?.payload ?? []).toString()).toContain('2026-11-24');
    expect(batch.contacts).toBe(1);
  });

  test('an error of the server itself is not taken for one of the message', () => {
    const broken = new (class extends ContactLimiter {
      override admits(): boolean {
        throw new Error('broken');
      }
    })();
    const { client, arrive, rejects } = intake(broken);
    client('a');
    expect(() => arrive(beat('a'))).toThrow('broken');
    expect(rejects).toHaveLength(0);
  });

  test('R7: who was uninstalled is a stranger until it registers again', () => {
    const { client, arrive, rejects } = intake();
    client('a');
    arrive({ subject: subjects.agent('a', 'uninstall') }, beat('a'));
    expect(rejects.map(({ code }) => code)).toEqual(['not_registered']);
  });

  test('G12: what a client sends beyond its limit is recorded, and no contact', () => {
    const { client, arrive, batch, rejects } = intake();
    client('a');
    client('b');
    arrive(...Array.from({ length: contactLimit.contacts + 1 }, () => beat('a')), beat('b'));
    expect(batch.contacts).toBe(contactLimit.contacts + 1);
    expect(rejects).toMatchObject([
      { code: 'rate_limited', message: 'More than 600 contacts in 10 s; the rest is not taken in.' },
    ]);
  });

  test('G8: the agent’s clock yields its skew, and decides nothing', () => {
    const { client, arrive, presence, turns } = intake();
    client('a');
    expect(presence.members.data.clockSkew[0]).toBeNaN();
    arrive(beat('a', { time: new Date(start + 90_000).toISOString() }, 500));
    arrive(beat('a', {}, 600));
    expect(presence.members.data.clockSkew[0]).toBeCloseTo(89.5);
    expect(turns()[0]?.at).toBe(new Date(start + 500).toISOString());
  });

  test('G6: the settings revision of a beat is passed on when it is another than before', () => {
    const { client, arrive, batch } = intake();
    client('a');
    arrive(beat('a'));
    expect(batch.reports.size).toBe(0);
    arrive(beat('a', { settingsRevision: '41' }, 1), beat('a', { settingsRevision: '42' }, 2));
    arrive(beat('a', { settingsRevision: '42' }, 3));
    expect([...batch.reports]).toEqual([[0, { revision: '42', at: start + 2 }]]);
  });

  test('R4: logs are kept as a fact, and change no status of an unreachable client', () => {
    const { client, arrive, batch, facts } = intake();
    client('a');
    const subject = subjects.agent('a', 'logs');
    arrive({ subject, payload: { lines: ['x'] } }, { subject, after: 5 });
    const at = (milliseconds: number) => new Date(start + milliseconds).toISOString();
    expect(facts()).toEqual([
      { type: 'logs-received', client: 'a', meta: { actor: 'agent' }, data: { at: at(0), content: { lines: ['x'] } } },
      { type: 'logs-received', client: 'a', meta: { actor: 'agent' }, data: { at: at(5), content: {} } },
    ]);
    expect(batch.contacts).toBe(2);
  });

  test('R1: other addresses are a fact before the contact that brought them; the same ones are not', () => {
    const { client, arrive, batch, facts } = intake();
    client('a');
    arrive(beat('a', { ips: unreachable }));
    expect(batch.segments).toHaveLength(1);
    arrive(beat('a', { ips: direct }, 1));
    expect(facts().map(({ type }) => type)).toEqual([
      'client-status-changed',
      'client-addresses-changed',
      'client-status-changed',
    ]);
    expect(batch.finish().map(({ chunks }) => chunks.reduce((sum, { count }) => sum + count, 0))).toEqual([1, 1]);
  });

  test('R19: who does not answer is offline, unless it has spoken since it was asked', () => {
    const { client, arrive, turns, batch } = intake();
    for (const id of ['silent', 'spoke', 'just']) client(id, direct);
    const tick = { subject: subjects.tick, after: 2_000 };
    arrive(beat('silent'), beat('spoke'), beat('just', undefined, 1_000), beat('spoke', undefined, 1_500), tick);
    const contacts = batch.contacts;
    arrive(...['silent', 'spoke', 'just'].map((id) => unanswered(id, 1_000, 2_100)));
    expect(turns().map(({ cause }) => cause)).toEqual(['heartbeat', 'heartbeat', 'heartbeat', 'verification']);
    expect(batch.contacts - contacts).toBe(1);
  });

  test('R19, G1: an answer that nobody could hear is not missed', () => {
    const { client, arrive, turns } = intake();
    client('d', direct);
    arrive(beat('d'), { subject: subjects.tick, after: 60_000 }, unanswered('d', 1_000, 60_100));
    expect(turns().map(({ cause }) => cause)).toEqual(['heartbeat']);
  });
});
