/** In milliseconds: what is counted together, for agents come some time before or after the one they were told. */
const period = 4_000;
const periods = 12;
/**
 * What happens in fewer of them does not last, as when a fleet starts: a fifth of a million clients within ten seconds were
 * seen to arrive for half a minute, for to hear and refuse them takes longer than they do to ask.
 */
const toLast = 10;

/** How many ask for as long as one looks, without having been sent away before: those who came, less those told to come. */
export class Uncalled {
  private readonly lately = Array<number>(periods).fill(0);
  /** How many are told to come, by period. */
  private readonly called = new Map<number, number>();
  private current: number;
  private asked = 0;

  constructor(private readonly now: () => number) {
    this.current = periodOf(now());
  }

  ask(): void {
    this.close();
    this.asked++;
  }

  /** @param at when somebody who is sent away is told to come back, by the same clock */
  call(at: number): void {
    const due = periodOf(at);
    this.called.set(due, (this.called.get(due) ?? 0) + 1);
  }

  /** What is asked in nearly all periods, at least. */
  perSecond(): number {
    this.close();
    const lasting = this.lately.toSorted((a, b) => b - a)[toLast - 1] ?? 0;
    return Math.max(0, lasting / (period / 1_000));
  }

  private close(): void {
    const now = periodOf(this.now());
    while (this.current < now) {
      this.lately.shift();
      this.lately.push(this.asked - (this.called.get(this.current) ?? 0));
      this.called.delete(this.current);
      this.current++;
      this.asked = 0;
    }
  }
}

const periodOf = (at: number): number => Math.floor(at / period);
