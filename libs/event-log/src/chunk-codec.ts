import { type LaneKind } from '#contracts';

/** The codes of contact kinds in a chunk, and in the SQL function `contact_kind`. They are written for ever. */
export const contactCodes = {
  heartbeat: 1,
  poll: 2,
  register: 3,
  start: 4,
  reload: 5,
  update: 6,
  ack: 7,
  logs: 8,
  stop: 9,
  uninstall: 10,
  answered: 11,
  unanswered: 12,
} as const satisfies Record<LaneKind, number>;

const kindsByCode: ReadonlyMap<number, LaneKind> = new Map(
  Object.entries(contactCodes).map(([kind, code]) => [code, kind as LaneKind]),
);

export const contactBytes = 6;
/** A chunk's contacts lie within this many milliseconds of its first. */
export const maxChunkSpan = 0xffff;
export const maxOrdinal = 0xffffff;

/** One contact: who, what, and when it arrived (milliseconds since 1970). */
export type Contact = { readonly ordinal: number; readonly kind: LaneKind; readonly at: number };

/** Packs contacts as they come, six bytes each, until they are taken as a chunk. */
export class ChunkWriter {
  private buffer = Buffer.allocUnsafe(contactBytes * 1024);
  private length = 0;
  private base = 0;

  get count(): number {
    return this.length / contactBytes;
  }

  /** Whether a contact at this time fits into the chunk that is being written. */
  accepts(at: number): boolean {
    return this.length === 0 || (at >= this.base && at - this.base <= maxChunkSpan);
  }

  add(ordinal: number, kind: LaneKind, at: number): void {
    if (this.length === 0) this.base = at;
    if (this.length === this.buffer.length) this.grow();
    const offset = at - this.base;
    const { buffer, length } = this;
    buffer[length] = contactCodes[kind];
    buffer[length + 1] = ordinal >>> 16;
    buffer[length + 2] = ordinal >>> 8;
    buffer[length + 3] = ordinal;
    buffer[length + 4] = offset >>> 8;
    buffer[length + 5] = offset;
    this.length = length + contactBytes;
  }

  /** The chunk so far; the writer starts anew. */
  take(): { readonly at: number; readonly count: number; readonly data: Buffer } {
    const chunk = { at: this.base, count: this.count, data: Buffer.from(this.buffer.subarray(0, this.length)) };
    this.length = 0;
    return chunk;
  }

  private grow(): void {
    const larger = Buffer.allocUnsafe(this.buffer.length * 2);
    this.buffer.copy(larger);
    this.buffer = larger;
  }
}

/** Calls `visit` for every contact of a chunk, in order. */
export const readChunk = (
  at: number,
  data: Uint8Array,
  visit: (ordinal: number, kind: LaneKind, at: number) => void,
): void => {
  for (let i = 0; i + contactBytes <= data.length; i += contactBytes) {
    const kind = kindsByCode.get(data[i] ?? 0);
    if (!kind)
      throw new Error(`A contact chunk holds the unknown kind ${data[i]}; it was written by a newer Reachback.`);
    const ordinal = ((data[i + 1] ?? 0) << 16) | ((data[i + 2] ?? 0) << 8) | (data[i + 3] ?? 0);
    visit(ordinal, kind, at + (((data[i + 4] ?? 0) << 8) | (data[i + 5] ?? 0)));
  }
};

/** Adds to `counts`, by code, how many contacts of each kind a chunk holds: a byte in six is looked at. */
export const countKinds = (data: Uint8Array, counts: Uint32Array): void => {
  for (let i = 0; i < data.length; i += contactBytes) {
    const code = data[i] ?? 0;
    counts[code] = (counts[code] ?? 0) + 1;
  }
};
