import fc from 'fast-check';

/** The part of JSON Schema that the documents use. */
export type Schema = {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly nullable?: boolean;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
};

/** What a schema does not say, by the name of the property: texts that mean something. */
export type Known = Readonly<Record<string, readonly string[]>>;

/** Few, so that what is set does not grow without end. */
const keys = fc.constantFrom('scan', 'proxy', 'os', 'engine', 'a');
const word = fc.stringMatching(/^[a-z][a-z0-9]{0,9}$/);
const time = fc
  .date({ min: new Date('2026-01-01'), max: new Date('2027-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString());

/** Texts by a pattern; a word where fast-check cannot read it. */
const matching = (pattern: string): fc.Arbitrary<string> => {
  try {
    return fc.stringMatching(new RegExp(pattern, 'u'));
  } catch {
    return word;
  }
};

const textOf = ({ pattern, format, minLength = 0, maxLength = 64 }: Schema): fc.Arbitrary<string> => {
  if (format === 'date-time') return time;
  if (format === 'uuid') return fc.uuid();
  if (format === 'uri') return fc.webUrl();
  if (format === 'ipv4') return fc.ipV4();
  if (format === 'ipv6') return fc.ipV6();
  if (pattern !== undefined) return fc.oneof(word, matching(pattern)).filter((text) => text.length <= maxLength);
  return fc.oneof(
    word,
    fc.string({ unit: 'grapheme-composite', minLength, maxLength: Math.min(maxLength, minLength + 20) }),
  );
};

const numberOf = ({ type, minimum = 0, maximum = 1_000 }: Schema): fc.Arbitrary<number> =>
  type === 'integer'
    ? fc.integer({ min: Math.max(minimum, -1e9), max: Math.min(maximum, 1e9) })
    : fc.double({ min: minimum, max: maximum, noNaN: true });

const objectOf = (schema: Schema, known: Known): fc.Arbitrary<unknown> => {
  const { properties, additionalProperties, required = [] } = schema;
  if (!properties) {
    const value = typeof additionalProperties === 'object' ? fitting(additionalProperties, known) : anyValue;
    return fc.dictionary(keys, value, { maxKeys: 3 });
  }
  const fields = Object.entries(properties).map(([name, one]) => [name, fitting(one, known, name)] as const);
  return fc.record(Object.fromEntries(fields), { requiredKeys: [...required] });
};

const anyValue = fc.jsonValue({ maxDepth: 2 });

/** Values that a schema takes; `name` is that of the property. */
export const fitting = (schema: Schema, known: Known, name = ''): fc.Arbitrary<unknown> => {
  const { nullable, ...rest } = schema;
  if (nullable) return fc.option(fitting(rest, known, name), { freq: 3 });
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const either = schema.anyOf ?? schema.oneOf;
  if (either) return fc.oneof(...either.map((one) => fitting(one, known, name)));
  const meant = known[name];
  switch (schema.type) {
    case 'string':
      return meant ? fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...meant) }, textOf(schema)) : textOf(schema);
    case 'integer':
    case 'number':
      return numberOf(schema);
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(fitting(schema.items ?? {}, known, name), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 4, (schema.minItems ?? 0) + 4),
      });
    case 'object':
      return objectOf(schema, known);
    default:
      return anyValue;
  }
};
