import { type Logger, pino } from 'pino';

/** Errors with their messages and stacks, under the name that all of Reachback logs them by; and never a key. */
export const openLog = (level: string): Logger =>
  pino({
    name: 'reachback',
    level,
    base: { pid: process.pid },
    serializers: { error: pino.stdSerializers.err },
    redact: ['authorization', '*.authorization', '*.*.authorization'],
  });
