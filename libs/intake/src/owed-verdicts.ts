/**
 * The verdicts of silence that are passed but not written yet, by ordinal, and how many more a transaction may write. A
 * mass of clients that fall silent at once is so judged in one moment, and written in many transactions.
 */
export class OwedVerdicts {
  private readonly ordinals = new Set<number>();
  private room = Infinity;

  get isEmpty(): boolean {
    return this.ordinals.size === 0;
  }

  /** Whether the transaction that is under way has written as many as it may. */
  get isFull(): boolean {
    return this.room <= 0;
  }

  /** Begins a transaction that may write `limit` verdicts; those that are owed longest come first. */
  begin(limit: number, write: (ordinal: number) => void): void {
    this.room = limit;
    for (const ordinal of this.ordinals) {
      if (this.isFull) return;
      write(ordinal);
    }
  }

  owe(ordinal: number): void {
    this.ordinals.add(ordinal);
  }

  /** One was written that was owed. Whether it was. */
  settle(ordinal: number): boolean {
    return this.ordinals.delete(ordinal);
  }

  /** Counts one that the transaction writes. */
  count(): void {
    this.room--;
  }
}
