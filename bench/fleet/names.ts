const digits = 8;

/** A client's id, as long as all others of its prefix. */
export const clientId = (prefix: string, ordinal: number): string =>
  `${prefix}-${String(ordinal).padStart(digits, '0')}`;

const stride = 611_953;

/**
 * The place of a client when all of `count` speak once, in no order that memory could like. A prime stride visits each
 * once, unless the count is a multiple of it.
 */
export const scatter = (i: number, count: number): number => (count % stride === 0 ? i % count : (i * stride) % count);

/** An address in 10.0.0.0/8, which the benchmark declares unreachable. */
export const addressOf = (ordinal: number): string =>
  `10.${(ordinal >> 16) & 255}.${(ordinal >> 8) & 255}.${ordinal & 255}`;
