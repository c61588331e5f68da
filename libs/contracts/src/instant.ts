import { z } from 'zod';

const first = Date.UTC(1000, 0, 1);
const last = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/**
 * ISO 8601 with a zone, in the years 1000 to 9999 by UTC. Postgres reads no text of the year 0, which ISO has, nor of the
 * year 10000, and what is reckoned from an instant must not leave that either.
 */
export const instant = z.iso.datetime({ offset: true }).refine((text) => {
  const at = Date.parse(text);
  return at >= first && at <= last;
}, 'a time is in the years 1000 to 9999');
