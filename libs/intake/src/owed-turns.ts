import type { TransitionCause } from '#domain';
import type { Cause } from './cause.js';

/** Why a client turned offline, and what led to it. */
export type OwedTurn = { readonly cause: TransitionCause; readonly why: Cause };

/**
 * The turns to offline that are decided but not written yet, by ordinal, and how many more a transaction may write. A
 * mass of clients that fall silent at once, or lose what they were granted, is so decided on in one moment, and written
 * in many transactions.
 */
export class OwedTurns {
  private readonly turns = new Map<number, OwedTurn>();
  private room = Infinity;

  get isEmpty(): boolean {
    return this.turns.size === 0;
  }

  /** Whether the transaction that is under way has written as many as it may. */
  get isFull(): boolean {
    return this.room <= 0;
  }

  /** Begins a transaction that may write `limit` turns. */
  begin(limit: number): void {
    this.room = limit;
  }

  /** Hands out as many as the transaction may still write; those that are owed longest come first. */
  forEach(write: (ordinal: number) => void): void {
    for (const ordinal of this.turns.keys()) {
      if (this.isFull) return;
      write(ordinal);
    }
  }

  owe(ordinal: number, turn: OwedTurn): void {
    this.turns.set(ordinal, turn);
  }

  /** The client's was written; returns it, if one was owed. */
  settle(ordinal: number): OwedTurn | undefined {
    const turn = this.turns.get(ordinal);
    if (turn) this.turns.delete(ordinal);
    return turn;
  }

  /** Counts one that the transaction writes. */
  count(): void {
    this.room--;
  }
}
