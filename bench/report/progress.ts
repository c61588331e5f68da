import { SingleBar } from 'cli-progress';

const updateInterval = 250;

/**
 * Shows how far a run has come, by the seconds its benchmarks are known to take: as a bar on a terminal, else as plain
 * lines.
 */
export class Progress {
  private readonly bar: SingleBar | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly started = Date.now();
  private done = 0;
  private current = { seconds: 0, since: Date.now(), name: '' };

  constructor(total: number) {
    if (!process.stdout.isTTY) return;
    this.bar = new SingleBar({
      format: '{bar} {percentage} %, {duration_formatted} | {what}',
      hideCursor: true,
      clearOnComplete: true,
    });
    this.bar.start(total, 0, { what: 'starting' });
    this.timer = setInterval(() => this.update(), updateInterval);
  }

  /** A part begins that takes about so many seconds. */
  begin(name: string, seconds: number): void {
    this.done += this.current.seconds;
    this.current = { seconds, since: Date.now(), name };
    this.say('begins');
  }

  /** What the current part is doing. */
  readonly say = (text: string): void => {
    const what = `${this.current.name}: ${text}`;
    if (this.bar) this.bar.update(this.value(), { what });
    else console.log(`${String(Math.round((Date.now() - this.started) / 1000)).padStart(4)} s  ${what}`);
  };

  end(): void {
    clearInterval(this.timer);
    this.bar?.stop();
  }

  private update(): void {
    this.bar?.update(this.value());
  }

  private value(): number {
    return this.done + Math.min((Date.now() - this.current.since) / 1000, this.current.seconds);
  }
}
