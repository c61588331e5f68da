import { z } from 'zod';
import { count, time } from './common.js';

const bytes = z.number().nonnegative();

export const storageSchema = z.object({
  asOf: time,
  total: bytes.describe('all of the database'),
  contacts: z.object({
    bytes,
    days: z.array(z.object({ day: z.iso.date(), bytes })).describe('by the day (UTC) of arrival, oldest first'),
    oldestAt: time.nullable(),
    keptDays: count.describe('for how many days contacts are kept'),
    bytesPerContact: bytes
      .nullable()
      .describe('of a heartbeat or another contact, indexes included; null without any since yesterday'),
  }),
  facts: z.object({ bytes }),
  tables: z
    .array(z.object({ name: z.string(), bytes, indexBytes: bytes }))
    .describe('largest first; `bytes` is without indexes'),
  wal: bytes.nullable().describe('the write-ahead log; null where the role of the server may not look'),
  stream: z
    .object({ bytes, messages: count })
    .nullable()
    .describe('what the broker holds; null while it does not answer'),
  perDay: z
    .object({ contacts: bytes, facts: bytes.nullable() })
    .describe('what the last 24 hours have added; facts are null until Postgres has counted them'),
});
