import { describe, expect, test } from '@jest/globals';
import type { NewFact } from '#contracts';
import { readChunk } from '#event-log';
import { Batch } from './batch.js';

const start = 1_795_425_000_000;
const meta = { actor: 'test' } as const;
const edited: NewFact = { type: 'client-edited', client: 'a', meta, data: { name: 'A' } };
const gap: NewFact = {
  type: 'lane-gap-observed',
  client: null,
  meta,
  data: { from: new Date(start).toISOString(), to: new Date(start + 1).toISOString(), away: 'broker' },
};

/** The log that a batch becomes: contacts as `ordinal kind +offset`, facts as their types, `|` between segments. */
const logOf = (batch: Batch): string =>
  batch
    .finish()
    .map(({ chunks, facts }) => {
      const contacts = chunks.map(({ at, data }) => {
        const read: string[] = [];
        readChunk(at, data, (ordinal, kind, time) => read.push(`${ordinal} ${kind} +${time - start}`));
        return read.join(', ');
      });
      return [...contacts, ...facts.map(({ type }) => type)].join('; ');
    })
    .join(' | ');

describe('a batch', () => {
  test('without a message is nothing', () => {
    const batch = new Batch();
    expect(batch.finish()).toHaveLength(0);
    expect(batch.contacts).toBe(0);
  });

  test('has the facts after the contacts that caused them', () => {
    const batch = new Batch();
    batch.add(1, 'heartbeat', start);
    batch.emit(edited);
    batch.add(2, 'poll', start + 5);
    expect(logOf(batch)).toBe('1 heartbeat +0, 2 poll +5; client-edited');
    expect(batch.contacts).toBe(2);
  });

  test('may be facts alone', () => {
    const batch = new Batch();
    batch.emit(edited);
    expect(logOf(batch)).toBe('client-edited');
  });

  test('G1: begins a new segment after an outage, which moves no deadline of contacts before it', () => {
    const batch = new Batch();
    batch.add(1, 'heartbeat', start);
    batch.emit(gap);
    batch.emit(edited);
    batch.add(1, 'heartbeat', start + 1);
    batch.add(1, 'heartbeat', start + 2);
    batch.emit(edited);
    expect(logOf(batch)).toBe(
      '1 heartbeat +0; lane-gap-observed; client-edited | 1 heartbeat +1, 1 heartbeat +2; client-edited',
    );
  });

  test('R5: begins a new segment after a judgement, which is passed on contacts before it alone', () => {
    const batch = new Batch();
    batch.add(1, 'heartbeat', start);
    const at = new Date(start).toISOString();
    batch.emit({ type: 'lane-silence-judged', client: null, meta: { actor: 'system' }, data: { at, tick: at } });
    batch.add(1, 'heartbeat', start + 1);
    expect(logOf(batch)).toBe('1 heartbeat +0; lane-silence-judged | 1 heartbeat +1');
  });

  test('R1: begins a new segment where it is told to, once', () => {
    const batch = new Batch();
    batch.close();
    batch.emit(edited);
    batch.add(1, 'heartbeat', start);
    batch.add(2, 'heartbeat', start);
    expect(logOf(batch)).toBe('client-edited | 1 heartbeat +0, 2 heartbeat +0');
  });

  test('begins a new chunk where a contact comes too long after the first', () => {
    const batch = new Batch();
    for (const at of [0, 65_535, 65_536, 65_537]) batch.add(1, 'heartbeat', start + at);
    expect(logOf(batch)).toBe('1 heartbeat +0, 1 heartbeat +65535; 1 heartbeat +65536, 1 heartbeat +65537');
  });
});
