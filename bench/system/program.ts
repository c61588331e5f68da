import { Cleanup } from './cleanup.js';

/** What a program on the command line works with. */
export type Program = { readonly cleanup: Cleanup; readonly signal: AbortSignal };

/**
 * Runs a program that starts processes of its own, and exits with what it returns. However it ends, what it started is
 * ended and removed: after an error, Ctrl-C, SIGTERM, the end of the terminal, or of the process that started it.
 */
export const runProgram = async (run: (program: Program) => Promise<number>): Promise<void> => {
  const cleanup = new Cleanup();
  const stopping = new AbortController();
  const shutDown = (reason: string, code: number): void => {
    // A second signal does not wait; the temporary folder may be left.
    if (stopping.signal.aborted) {
      cleanup.begin();
      process.exit(code);
    }
    stopping.abort();
    void cleanup.run().then(() => {
      console.log(`${reason}: stopped; everything started here is ended and removed`);
      process.exit(code);
    });
  };
  process.on('SIGINT', () => shutDown('Ctrl-C', 130));
  process.on('SIGTERM', () => shutDown('SIGTERM', 143));
  process.on('SIGHUP', () => shutDown('The terminal is gone', 129));
  stopWithParent(() => {
    if (!stopping.signal.aborted) shutDown('The process that started this is gone', 130);
  });
  try {
    const code = await run({ cleanup, signal: stopping.signal });
    await cleanup.run();
    process.exit(code);
  } catch (error) {
    // What Ctrl-C cut short has not failed.
    if (stopping.signal.aborted) return cleanup.run();
    await cleanup.run();
    console.error(error instanceof Error ? error.stack : String(error));
    process.exit(1);
  }
};

/** Started by npm: when npm is gone, so is whoever would stop us. */
const stopWithParent = (stop: () => void): void => {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) stop();
  }, 1_000).unref();
};
