/** What was started, so that it can be ended in the reverse order, whatever happens in between. */
export class Cleanup {
  private readonly steps: (() => Promise<void>)[] = [];
  private running: Promise<void> | undefined;

  /** Registers how to end something; returns a function that ends it now. */
  add(end: () => Promise<void>): () => Promise<void> {
    this.steps.push(end);
    return async () => {
      const at = this.steps.indexOf(end);
      if (at < 0) return;
      this.steps.splice(at, 1);
      await end();
    };
  }

  /** Ends everything; one that fails does not keep the others. */
  run(): Promise<void> {
    this.running ??= this.runAll();
    return this.running;
  }

  /** Begins to end all that is left and waits for nothing: processes get their signals, files may stay. */
  begin(): void {
    for (let step = this.steps.pop(); step; step = this.steps.pop()) void step().catch(() => undefined);
  }

  private async runAll(): Promise<void> {
    for (let step = this.steps.pop(); step; step = this.steps.pop()) {
      await step().catch((error: unknown) => console.error(`The benchmark could not clean up: ${String(error)}`));
    }
  }
}
