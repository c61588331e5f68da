import fc from 'fast-check';

/** What has broken programs before. */
const texts: readonly string[] = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  '\udc00x',
  '\ufeff{}',
  '\u202eabc',
  'a\u001fb',
  'e\u0301'.repeat(40),
  '💩'.repeat(100),
  'x'.repeat(300),
  'x'.repeat(3_000),
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '../../etc/passwd',
  "' OR 1=1 --",
  '%',
  '_',
  '\\',
  '/',
  'a//b',
  'a/'.repeat(120),
  '*',
  '>',
  '.',
  '-1',
  '1e309',
  'NaN',
  '9'.repeat(18),
  '9'.repeat(40),
  '0x10',
  '010.0.0.1',
  '10.0.0.0/33',
  '10.0.0.9-10.0.0.1',
  '::/129',
  '::ffff:1.2.3.4/96',
  'fe80::1%eth0',
  'PT',
  'P99999999999Y',
  'PT0.0000000001S',
  'PT9007199254740993S',
  '-PT1S',
  '2026-02-30T00:00:00Z',
  '2026-01-01T00:00:00+99:99',
  '+275760-09-13T00:00:00.001Z',
  '0000-01-01T00:00:00Z',
  '-000001-01-01T00:00:00Z',
  '9999-12-31T23:59:60Z',
  '00000000-0000-0000-0000-000000000000',
  'W10',
  'WyJhIl0',
  'WyIyMDI2LTAxLTAxVDAwOjAwOjAwLjAwMDAwMFoiLCJhIl0',
  'WyI5OTk5LTk5LTk5VDk5Ojk5Ojk5Ljk5OTk5OVoiLCJhIl0',
];

export const nastyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...texts) },
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
);

const nested = (depth: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
};

/** A value that is of no use in most places. */
export const nastyValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: nastyText },
  { weight: 2, arbitrary: fc.constantFrom<unknown>(null, true, false, 0, -0, -1, 1.5, 1e308, 2 ** 53, -(2 ** 63)) },
  fc.constantFrom<unknown>([], {}, [[]], [null], { '': '' }, { constructor: { prototype: { a: 1 } } }),
  fc.constantFrom(30, 31, 32, 33, 200).map(nested),
  fc.jsonValue({ maxDepth: 3 }),
);

/** A value that JSON has no text for, or that its parser treats in its own way. */
const nastyJson = fc.constantFrom(
  '',
  '{',
  '{"a":',
  '[1,]',
  'NaN',
  '1e999',
  '-0',
  '9'.repeat(400),
  '{"__proto__":{"isAdmin":true}}',
  '{"a":1,"a":{"__proto__":null}}',
  '{"constructor":{"prototype":{"x":1}}}',
  '"\\ud800"',
  '"\\u0000"',
  '{"\\u0000":1}',
  '\ufeff{}',
  '[' + '0,'.repeat(20_000) + '0]',
  '['.repeat(5_000) + ']'.repeat(5_000),
  '{"a":'.repeat(5_000) + '1' + '}'.repeat(5_000),
  `"${'x'.repeat(70_000)}"`,
  `{${Array.from({ length: 2_000 }, (_, i) => `"k${i}":${i}`).join(',')}}`,
);

const cut = ([text, at]: readonly [string, number]): string => text.slice(0, at % (text.length + 1));

/** The bytes of something that is no JSON, or none that is wanted; `value` as text is taken apart now and then. */
export const nastyBytes = (value: fc.Arbitrary<unknown>): fc.Arbitrary<Buffer> =>
  fc.oneof(
    nastyJson.map((text) => Buffer.from(text)),
    fc
      .tuple(
        value.map((one) => JSON.stringify(one)),
        fc.nat(),
      )
      .map((parts) => Buffer.from(cut(parts))),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  );

type Container = Record<string, unknown> | unknown[];
const isContainer = (value: unknown): value is Container => typeof value === 'object' && value !== null;

/** All objects and lists in a value, itself first. */
const containersIn = (value: unknown): readonly Container[] =>
  isContainer(value) ? [value, ...Object.values(value).flatMap(containersIn)] : [];

/** A value with something in it replaced, taken away, or put beside it. */
export const broken = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc
    .tuple(value, nastyValue, fc.nat(), fc.nat(), fc.constantFrom('replace', 'replace', 'replace', 'remove', 'add'))
    .map(([whole, nasty, where, which, how]) => {
      const copy: unknown = structuredClone(whole);
      const containers = containersIn(copy);
      const container = containers[where % Math.max(containers.length, 1)];
      if (!container) return nasty;
      const keys = Object.keys(container);
      const key = keys[which % Math.max(keys.length, 1)];
      if (key === undefined || how === 'add') Object.assign(container, { [`x${which % 9}`]: nasty });
      else if (how === 'replace') Object.assign(container, { [key]: nasty });
      else Reflect.deleteProperty(container, key);
      return copy;
    });
