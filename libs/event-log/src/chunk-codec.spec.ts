import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { LaneKind } from '#contracts';
import { ChunkWriter, contactBytes, contactCodes, maxChunkSpan, maxOrdinal, readChunk } from './chunk-codec.js';

const kind = fc.constantFrom(...(Object.keys(contactCodes) as LaneKind[]));
const contact = fc.record({
  ordinal: fc.integer({ min: 0, max: maxOrdinal }),
  kind,
  offset: fc.integer({ min: 0, max: maxChunkSpan }),
});

describe('chunks of contacts', () => {
  test('come back as they were written, at six bytes a contact', () => {
    fc.assert(
      fc.property(fc.array(contact, { minLength: 1, maxLength: 3000 }), (contacts) => {
        const start = 1_795_425_000_000;
        const written = contacts
          .map(({ ordinal, kind, offset }) => ({ ordinal, kind, at: start + offset }))
          .sort((a, b) => a.at - b.at);
        const writer = new ChunkWriter();
        for (const { ordinal, kind, at } of written) writer.add(ordinal, kind, at);
        const chunk = writer.take();
        const read: typeof written = [];
        readChunk(chunk.at, chunk.data, (ordinal, kind, at) => read.push({ ordinal, kind, at }));
        expect(read).toEqual(written);
        expect(chunk.data).toHaveLength(contactBytes * contacts.length);
      }),
      { numRuns: 50 },
    );
  });

  test('a writer refuses what lies too far from its first contact, and starts anew once taken', () => {
    const writer = new ChunkWriter();
    writer.add(1, 'heartbeat', 1_000);
    expect(writer.accepts(1_000 + maxChunkSpan)).toBe(true);
    expect(writer.accepts(1_001 + maxChunkSpan)).toBe(false);
    writer.take();
    expect(writer.accepts(1_001 + maxChunkSpan)).toBe(true);
    expect(writer.count).toBe(0);
  });

  test('a kind this version does not know is said, not guessed', () => {
    expect(() => readChunk(0, Buffer.from([200, 0, 0, 1, 0, 0]), () => undefined)).toThrow('unknown kind 200');
  });
});
