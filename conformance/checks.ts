import { isDeepStrictEqual } from 'node:util';

/** A server did something else than the rule says. */
export class Failure extends Error {
  override readonly name = 'Failure';

  constructor(
    readonly what: string,
    readonly expected: string,
    readonly seen: string,
  ) {
    super(`${what}: expected ${expected}, saw ${seen}`);
  }
}

/** Compares what a server does with what it should do, and counts how often. */
export class Checks {
  count = 0;

  equal(what: string, seen: unknown, expected: unknown): void {
    this.ok(what, isDeepStrictEqual(seen, expected), describe(expected), seen);
  }

  /** Objects may have more fields than expected, arrays not more items. */
  match(what: string, seen: unknown, expected: unknown): void {
    this.ok(what, matches(seen, expected), describe(expected), seen);
  }

  ok(what: string, isMet: boolean, expected: string, seen: unknown): void {
    this.count++;
    if (!isMet) throw new Failure(what, expected, describe(seen));
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const matches = (seen: unknown, expected: unknown): boolean => {
  if (Array.isArray(expected)) {
    return (
      Array.isArray(seen) &&
      seen.length === expected.length &&
      expected.every((item, index) => matches(seen[index], item))
    );
  }
  if (!isObject(expected)) return isDeepStrictEqual(seen, expected);
  return isObject(seen) && Object.entries(expected).every(([key, value]) => matches(seen[key], value));
};

const longest = 600;

/** A value as a report shows it, on one line. */
export const describe = (value: unknown): string => {
  const text = value instanceof Error ? value.message : (JSON.stringify(value) ?? 'nothing');
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
};
