import { randomInt } from 'node:crypto';

/** Slots of the index for each id, at least: fewer make longer ways. */
const slotsPerId = 2;
/** Numbers to a slot: a hash, and the ordinal plus one; 0 is nobody's. */
const slotSize = 2;

/**
 * The ids of a lane's clients by ordinal, and the ordinals by id: bytes, and an index of hashes into them. A million strings
 * and a map of them take twice as much, are visited by every garbage collection, and made one by one at every start.
 * Ids are ASCII, and 255 characters at most.
 */
export class Ids {
  private bytes = Buffer.alloc(16_384);
  private used = 0;
  private starts = new Uint32Array(1_024);
  private lengths = new Uint8Array(1_024);
  private slots = new Uint32Array(1_024 * slotsPerId * slotSize);
  private highest = 0;
  /** Nobody knows which ids fall together. */
  private readonly seed = randomInt(2 ** 32);

  /** One more than the highest ordinal. */
  get count(): number {
    return this.highest;
  }

  /** The id of an ordinal; empty where nobody has it. */
  of(ordinal: number): string {
    return this.bytes.toString('latin1', this.starts[ordinal], this.endOf(ordinal));
  }

  ordinalOf(id: string): number | undefined {
    let hash = this.seed;
    for (let i = 0; i < id.length; i++) hash = mix(hash, id.charCodeAt(i));
    hash = finish(hash);
    const { slots } = this;
    for (let at = this.slotOf(hash); ; at = this.after(at)) {
      const ordinal = (slots[at + 1] ?? 0) - 1;
      if (ordinal < 0) return undefined;
      if (slots[at] === hash && this.isAt(ordinal, id)) return ordinal;
    }
  }

  /** An id keeps its ordinal for ever: to enter it again changes nothing. */
  enter(ordinal: number, id: string): void {
    if (this.ordinalOf(id) === ordinal) return;
    this.makeRoom(ordinal + 1, id.length);
    this.bytes.write(id, this.used, 'latin1');
    this.add(ordinal, id.length);
  }

  /** The ids of ordinals in a row, as bytes: the length of each, then all of them. */
  pack(from: number, to: number): Buffer {
    const lengths = this.lengths.subarray(from, to);
    const packed = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + length, to - from));
    packed.set(lengths);
    let end = to - from;
    for (let first = from; first < to;) {
      const next = this.endOfRun(first, to);
      end += this.bytes.copy(packed, end, this.starts[first], this.endOf(next - 1));
      first = next;
    }
    return packed;
  }

  /** Enters what was packed: so many ids from an ordinal on, none of which is known. */
  unpack(from: number, count: number, packed: Uint8Array): void {
    this.makeRoom(from + count, packed.length - count);
    this.bytes.set(packed.subarray(count), this.used);
    for (let i = 0; i < count; i++) this.add(from + i, packed[i] ?? 0);
  }

  /** Makes room for the ordinals below a number, and for so many bytes more. */
  makeRoom(ordinals: number, bytes = 0): void {
    if (ordinals > this.lengths.length) {
      const capacity = grown(this.lengths.length, ordinals);
      this.starts = copyTo(new Uint32Array(capacity), this.starts);
      this.lengths = copyTo(new Uint8Array(capacity), this.lengths);
      this.rebuild(capacity);
    }
    if (this.used + bytes > this.bytes.length) {
      this.bytes = copyTo(Buffer.alloc(grown(this.bytes.length, this.used + bytes)), this.bytes);
    }
  }

  /** Adds an id whose bytes stand behind those in use. */
  private add(ordinal: number, length: number): void {
    const start = this.used;
    this.used += length;
    this.starts[ordinal] = start;
    this.lengths[ordinal] = length;
    this.highest = Math.max(this.highest, ordinal + 1);
    if (length === 0) return;
    let hash = this.seed;
    for (let i = start; i < this.used; i++) hash = mix(hash, this.bytes[i] ?? 0);
    this.index(finish(hash), ordinal);
  }

  private endOf(ordinal: number): number {
    return (this.starts[ordinal] ?? 0) + (this.lengths[ordinal] ?? 0);
  }

  /** The first ordinal whose bytes do not stand behind those of the one before it. */
  private endOfRun(first: number, to: number): number {
    let next = first + 1;
    while (next < to && this.starts[next] === this.endOf(next - 1)) next++;
    return next;
  }

  private index(hash: number, ordinal: number): void {
    let at = this.slotOf(hash);
    while (this.slots[at + 1] !== 0) at = this.after(at);
    this.slots[at] = hash;
    this.slots[at + 1] = ordinal + 1;
  }

  private isAt(ordinal: number, id: string): boolean {
    const start = this.starts[ordinal] ?? 0;
    if (this.lengths[ordinal] !== id.length) return false;
    for (let i = 0; i < id.length; i++) if (this.bytes[start + i] !== id.charCodeAt(i)) return false;
    return true;
  }

  private slotOf(hash: number): number {
    return Math.floor((hash / 2 ** 32) * (this.slots.length / slotSize)) * slotSize;
  }

  private after(at: number): number {
    return at + slotSize === this.slots.length ? 0 : at + slotSize;
  }

  /** An index with slots for so many ids. */
  private rebuild(capacity: number): void {
    const before = this.slots;
    this.slots = new Uint32Array(capacity * slotsPerId * slotSize);
    for (let at = 0; at < before.length; at += slotSize) {
      const ordinal = (before[at + 1] ?? 0) - 1;
      if (ordinal >= 0) this.index(before[at] ?? 0, ordinal);
    }
  }
}

/** FNV-1a over the characters, and its bits spread over all 32. */
const mix = (hash: number, character: number): number => Math.imul(hash ^ character, 0x01000193);
const finish = (hash: number): number => {
  const high = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (high ^ (high >>> 13)) >>> 0;
};

/** The next capacity of arrays that have room for fewer than are needed: half as much again, or as many as that. */
export const grown = (capacity: number, needed: number): number => Math.max(needed, Math.ceil(capacity * 1.5));

const copyTo = <T extends Uint8Array | Uint32Array>(longer: T, from: T): T => {
  longer.set(from);
  return longer;
};
