import { ReachbackError } from './errors.js';
import { maxPayloadBytes } from './subjects.js';

/** Nesting beyond this is refused: Postgres and recursive readers have a stack, agents have no need. */
const maxDepth = 32;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The JSON in an agent's payload; an empty payload is `{}`.
 *
 * Refuses what would hurt somebody later: NUL and lone surrogates, which Postgres cannot store in `jsonb`, and deep
 * nesting, which overflows stacks. One such message would otherwise fail the batch of all its neighbours.
 *
 * @throws {ReachbackError} `too_large` or `bad_json`
 */
export const parsePayload = (bytes: Uint8Array): unknown => {
  if (bytes.length === 0) return {};
  if (bytes.length > maxPayloadBytes) {
    throw new ReachbackError(
      'too_large',
      `The payload has ${bytes.length} bytes; at most ${maxPayloadBytes} are read.`,
    );
  }
  const value = parseJson(bytes);
  assertStorable(value);
  return value;
};

const parseJson = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    throw new ReachbackError('bad_json', 'The payload is not JSON in UTF-8.');
  }
};

/**
 * Checks that Postgres can store the value as `jsonb`.
 *
 * @throws {ReachbackError} `bad_json`
 */
export const assertStorable = (value: unknown, depth = 0): void => {
  if (typeof value === 'string') return assertText(value);
  if (typeof value !== 'object' || value === null) return;
  if (depth >= maxDepth) throw new ReachbackError('bad_json', `JSON may be nested at most ${maxDepth} levels deep.`);
  for (const [key, item] of Object.entries(value)) {
    assertText(key);
    assertStorable(item, depth + 1);
  }
};

const assertText = (text: string): void => {
  if (text.includes('\0') || !text.isWellFormed()) {
    throw new ReachbackError('bad_json', 'Text may hold neither NUL characters nor lone surrogates.');
  }
};
