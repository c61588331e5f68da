import { z } from 'zod';
import { instant } from '../instant.js';
import { holdReasons, statuses } from '../facts.js';
import { clientIdPattern } from '../subjects.js';

/** What the REST API's schemas share. The same schemas validate requests and make up the OpenAPI document. */

export const time = z.iso.datetime().describe('ISO 8601, in UTC');
export { instant };
/** An instant in a query, where an offset's `+` that was not percent-encoded arrives as a space. */
export const queryInstant = z
  .string()
  .transform((text) => text.replace(' ', '+'))
  .pipe(instant);
export const clientId = z.string().regex(clientIdPattern, 'a client id is 1 to 64 characters of A-Z a-z 0-9 _ -');
export const position = z.string().regex(/^\d{1,18}$/, 'a position is a whole number');
export const count = z.int().nonnegative();
export const jsonObject = z.record(z.string(), z.unknown());
export const cursor = z.string().max(2048).optional().describe('`nextCursor` of the page before');
export const limit = (fallback: number) => z.coerce.number().int().min(1).max(1000).default(fallback);
export const flag = z.enum(['true', 'false']).transform((text) => text === 'true');
export const listOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });

export const pageQuery = z.object({ limit: limit(100), cursor });

/** Work that waits, because whoever queued it has lost the right to. */
export const held = z
  .object({ at: time, reason: z.enum(holdReasons) })
  .nullable()
  .describe('waits, because the key behind it was revoked or may not do this any more; null otherwise');

/** How many clients have each status. */
export const byStatus = z.record(z.enum(statuses), count);
