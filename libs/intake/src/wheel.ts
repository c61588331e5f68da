const slotLength = 100;
const slots = 36_000;
const none = -1;

/**
 * A timing wheel of client ordinals: one hour in slots of 100 ms, each a linked list through two arrays. What is due
 * later than the wheel reaches hangs at its far end and is asked for its deadline again there. Moving a deadline
 * later costs nothing: the caller finds out when the slot comes round.
 */
export class TimingWheel {
  private readonly heads = new Int32Array(slots).fill(none);
  private next: Int32Array;
  private previous: Int32Array;
  private slotOf: Int32Array;
  private current: number;

  constructor(
    public capacity: number,
    now: number,
  ) {
    this.next = new Int32Array(capacity).fill(none);
    this.previous = new Int32Array(capacity).fill(none);
    this.slotOf = new Int32Array(capacity).fill(none);
    this.current = Math.floor(now / slotLength);
  }

  grow(capacity: number): void {
    this.capacity = capacity;
    const longer = (array: Int32Array): Int32Array => {
      const result = new Int32Array(capacity).fill(none);
      result.set(array);
      return result;
    };
    this.next = longer(this.next);
    this.previous = longer(this.previous);
    this.slotOf = longer(this.slotOf);
  }

  /** Hangs an ordinal at its deadline (milliseconds), taking it from where it hung. */
  hang(ordinal: number, deadline: number): void {
    this.remove(ordinal);
    const due = Math.max(Math.floor(deadline / slotLength), this.current);
    const slot = Math.min(due, this.current + slots - 1) % slots;
    const head = this.heads[slot] ?? none;
    this.next[ordinal] = head;
    this.previous[ordinal] = none;
    if (head !== none) this.previous[head] = ordinal;
    this.heads[slot] = ordinal;
    this.slotOf[ordinal] = slot;
  }

  remove(ordinal: number): void {
    const slot = this.slotOf[ordinal] ?? none;
    if (slot === none) return;
    const next = this.next[ordinal] ?? none;
    const previous = this.previous[ordinal] ?? none;
    if (previous === none) this.heads[slot] = next;
    else this.next[previous] = next;
    if (next !== none) this.previous[next] = previous;
    this.slotOf[ordinal] = none;
  }

  /** Takes off every ordinal whose slot lies wholly before `now`, and hands it over; it may be hung again at once. */
  advance(now: number, due: (ordinal: number) => void): void {
    const until = Math.floor(now / slotLength);
    const steps = Math.min(until - this.current, slots);
    for (let step = 0; step < steps; step++) {
      const slot = (this.current + step) % slots;
      let ordinal = this.heads[slot] ?? none;
      this.heads[slot] = none;
      while (ordinal !== none) {
        const next = this.next[ordinal] ?? none;
        this.slotOf[ordinal] = none;
        this.expired.push(ordinal);
        ordinal = next;
      }
    }
    this.current = Math.max(this.current, until);
    for (const ordinal of this.expired.splice(0)) due(ordinal);
  }

  private readonly expired: number[] = [];
}
