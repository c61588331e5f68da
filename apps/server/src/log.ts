import { setTimeout as sleep } from 'node:timers/promises';
import { type Logger, pino } from 'pino';

/** In milliseconds. */
const longestFlush = 1_000;

/** Written to in the background, so that a slow reader does not hold up the server; `minLength`: else it flushes nothing. */
const standardOutput = pino.destination({ dest: 1, minLength: 1 });

/** Errors with their messages and stacks, under the name that all of Reachback logs them by; and never a key. */
export const openLog = (level: string): Logger =>
  pino(
    {
      name: 'reachback',
      level,
      base: { pid: process.pid },
      serializers: { error: pino.stdSerializers.err },
      redact: ['authorization', '*.authorization', '*.*.authorization'],
    },
    standardOutput,
  );

/** Ends the process once what it has logged is written, or cannot be. */
export const exit = async (code: number): Promise<never> => {
  const flushed = new Promise<void>((resolve) => standardOutput.flush(() => resolve()));
  await Promise.race([flushed, sleep(longestFlush)]);
  return exitAtOnce(code);
};

/** What is not written yet would be tried again at the process' end; for ever, where nobody reads it any more. */
export const exitAtOnce = (code: number): never => {
  standardOutput.destroy();
  process.exit(code);
};
