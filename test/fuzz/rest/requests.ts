import fc from 'fast-check';
import { broken, nastyBytes, nastyText } from '../values.js';
import { fitting, type Known } from '../from-schema.js';
import type { Operation } from './operations.js';

/** A place in a path: one of what exists, or this text as it is. */
export type Place = { readonly pick: number; readonly otherwise: string } | { readonly text: string };

export type FuzzRequest = {
  readonly operation: Operation;
  /** Not always the operation's own. */
  readonly method: string;
  readonly places: readonly Place[];
  /** With its question mark; empty is none. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer | undefined;
  /** Whether a right key goes with it. */
  readonly isKnown: boolean;
};

/** Percent-encoded byte by byte, also what is no text (a lone surrogate). */
export const encode = (text: string): string =>
  [...Buffer.from(text)]
    .map((byte) => (/[\w.~-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : hex(byte)))
    .join('');
const hex = (byte: number): string => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`;

const badEncoding = fc.constantFrom(
  '%',
  '%z',
  '%zz',
  '%ff',
  '%00',
  '%c0%80',
  '%ed%a0%80',
  '%f5%80%80%80',
  '%E0%A4',
  '..;',
);
const written = fc.oneof(nastyText.map(encode), badEncoding);

const placeFor = (operation: Operation, known: Known, isGood: boolean) =>
  fc.tuple(
    ...operation.inPath.map(({ name, schema = {} }) => {
      const otherwise = fitting(schema, known, name).map((value) => encode(String(value)));
      const existing = fc.record({ pick: fc.nat(), otherwise });
      const wrong = fc.oneof(otherwise, written).map((text) => ({ text }));
      return isGood ? existing : fc.oneof<[fc.Arbitrary<Place>, fc.Arbitrary<Place>]>(existing, wrong);
    }),
  );

const queryFor = (operation: Operation, known: Known, isGood: boolean): fc.Arbitrary<string> => {
  const parts = operation.query.map(({ name, schema = {}, required }) => {
    // A cursor is what an answer gave; a made-up one is wrong.
    const good = name === 'cursor' ? fc.constant('') : fitting(schema, known, name).map((value) => pair(name, value));
    const one = isGood
      ? good
      : fc.oneof(
          good,
          written.map((text) => `${name}=${text}`),
          repeated(name),
        );
    return required ? one : fc.oneof({ weight: isGood ? 3 : 1, arbitrary: fc.constant('') }, one);
  });
  const more = isGood
    ? []
    : [
        fc.oneof(
          fc.constant(''),
          fc.constant(''),
          written.map((text) => `${text}=${text}`),
        ),
      ];
  return fc.tuple(...parts, ...more).map((all) => {
    const given = all.filter((part) => part !== '');
    return given.length === 0 ? '' : `?${given.join('&')}`;
  });
};
const pair = (name: string, value: unknown): string =>
  [value]
    .flat()
    .map((one) => `${name}=${encode(String(one))}`)
    .join('&');
const repeated = (name: string) =>
  fc.array(written, { maxLength: 20 }).map((all) => all.map((text) => `${name}=${text}`).join('&'));

/** Node sends no header with what HTTP does not allow in one; raw requests do. */
const headerText = fc.oneof(
  nastyText.map((text) =>
    text
      .replace(/[^\x20-\x7e]/g, '?')
      .trim()
      .slice(0, 2_000),
  ),
  fc.constantFrom('"', 'W/"1"', '*', '"0"', 'a,b', 'x'.repeat(200)),
);
const strangeHeaders = fc.record(
  {
    'If-Match': headerText,
    'Idempotency-Key': fc.oneof(headerText, fc.constantFrom('again', 'again and again')),
    'X-Request-Id': headerText,
    'X-Forwarded-For': headerText,
    'Last-Event-ID': headerText,
    Accept: headerText,
    'Content-Encoding': fc.constantFrom('gzip', 'identity', ''),
    Cookie: fc.constant(['__proto__=1', 'a=b']),
    Range: fc.constant('bytes=0-1'),
    Expect: fc.constant('something'),
  },
  { requiredKeys: [] },
);
const strangeTypes = fc.constantFrom(
  'application/json',
  'application/merge-patch+json',
  'application/json; charset=utf-16',
  'application/json;charset="',
  'text/plain',
  'text/csv',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  '__proto__',
  '/',
  '',
);
const wrongKeys = fc.constantFrom(
  '',
  'Bearer',
  'Bearer ',
  'Basic YTpi',
  'Bearer wrong',
  `Bearer rb_aaaaaaaaaaaa_${'A'.repeat(43)}`,
  'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.',
  'Bearer __proto__',
);

const hasBody = (method: string): boolean => ['POST', 'PUT', 'PATCH'].includes(method);

/** Requests that should be answered well, where what they are about exists. */
export const goodRequest = (operation: Operation, known: Known): fc.Arbitrary<FuzzRequest> =>
  fc
    .tuple(
      placeFor(operation, known, true),
      queryFor(operation, known, true),
      operation.body ? fitting(operation.body.schema, known) : fc.constant(undefined),
    )
    .map(([places, query, value]): FuzzRequest => ({
      operation,
      method: operation.method,
      places,
      query,
      headers: { 'Content-Type': operation.body?.type ?? 'application/json' },
      body: value === undefined ? undefined : Buffer.from(JSON.stringify(value)),
      isKnown: true,
    }));

const bodyFor = ({ body, method }: Operation, known: Known): fc.Arbitrary<Buffer | undefined> => {
  const value = fitting(body?.schema ?? {}, known);
  const wrong = broken(value).map((one) => Buffer.from(JSON.stringify(one) ?? ''));
  return fc.oneof(
    { weight: hasBody(method) ? 6 : 1, arbitrary: wrong },
    { weight: hasBody(method) ? 2 : 1, arbitrary: nastyBytes(value) },
    { weight: hasBody(method) ? 1 : 6, arbitrary: fc.constant(undefined) },
  );
};

/** Requests with something wrong in most places. */
export const badRequest = (operation: Operation, known: Known): fc.Arbitrary<FuzzRequest> =>
  fc
    .record({
      places: placeFor(operation, known, false),
      query: queryFor(operation, known, false),
      body: bodyFor(operation, known),
      type: fc.oneof({ weight: 5, arbitrary: fc.constant(operation.body?.type ?? 'application/json') }, strangeTypes),
      strange: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, strangeHeaders),
      key: fc.oneof({ weight: 12, arbitrary: fc.constant(undefined) }, wrongKeys),
      method: fc.oneof(
        { weight: 12, arbitrary: fc.constant(operation.method) },
        fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'TRACE'),
      ),
    })
    .map(({ places, query, body, type, strange, key, method }) => ({
      operation,
      method,
      places,
      query,
      headers: {
        ...(body ? { 'Content-Type': type } : {}),
        ...strange,
        ...(key === undefined ? {} : { Authorization: key }),
      },
      body,
      isKnown: key === undefined,
    }));
