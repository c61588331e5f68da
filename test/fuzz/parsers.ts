import fc from 'fast-check';
import { parseCredentials } from '#agent';
import { parsePayload, payloadSchemas, ReachbackError } from '#contracts';
import {
  formatDuration,
  type JsonObject,
  mergePatch,
  parseDuration,
  parsePolicy,
  parseRange,
  undoPatch,
} from '#domain';
import { contactBytes, contactCodes, readChunk } from '#event-log';
import { bearerTokenOf } from '../../libs/admin-api/src/access/bearer.js';
import { isToken } from '../../libs/admin-api/src/access/oidc.js';
import { idIn } from '../../libs/admin-api/src/access/secrets.js';
import { toPlace } from '../../libs/admin-api/src/clients/list/query.js';
import { decodeCursor, decodePosition, encodeCursor } from '../../libs/admin-api/src/paging.js';
import { plainAddress } from '../../libs/admin-api/src/access/address.js';
import { readToken } from '../../libs/enrolment/src/tokens/token-text.js';
import { startProgress } from '../helpers/progress.js';
import { broken, nastyBytes, nastyText } from './values.js';

/** Something that reads what others wrote, what to feed it, and what must hold of what it makes of it. */
export type Parser<T> = { readonly name: string; readonly input: fc.Arbitrary<T>; readonly run: (input: T) => void };

const assert = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(what);
};

/** Runs it; an error that is meant for whoever wrote the input is as good as a result. */
const refuses = (kind: new (...args: never[]) => Error, work: () => void): void => {
  try {
    work();
  } catch (error) {
    if (!(error instanceof kind)) throw error;
  }
};

const object = fc.dictionary(
  fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', ''),
  fc.jsonValue({ maxDepth: 3 }),
  { maxKeys: 4 },
) as fc.Arbitrary<JsonObject>;
/** Objects with a `__proto__` of their own, as `JSON.parse` makes them. */
const parsed = object.map((value) => JSON.parse(JSON.stringify(value)) as JsonObject);

const octet = fc.integer({ min: 0, max: 260 });
const nearAddress = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.tuple(octet, octet, octet, octet).map((all) => all.join('.')),
  fc.stringMatching(/^[0-9a-f:.%]{0,40}$/),
);
const nearRange = fc.oneof(
  nastyText,
  fc
    .tuple(nearAddress, fc.constantFrom('-', '/', ' - ', ''), fc.oneof(nearAddress, fc.nat(200).map(String)))
    .map((parts) => parts.join('')),
);
const nearDuration = fc.oneof(
  nastyText,
  fc.stringMatching(/^[+-]?P(\d{1,18}[YMWD]){0,3}(T(\d{1,18}(\.\d{1,9})?[HMS]){1,3})?$/),
);
const nearCursor = fc.oneof(
  nastyText,
  fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)).toString('base64url')),
  fc.array(nastyText, { maxLength: 3 }).map(encodeCursor),
);
const code = fc.constantFrom(...Object.values(contactCodes));

const payloads: Parser<readonly [string, Buffer]> = {
  name: 'payloads of agents',
  input: fc.tuple(fc.constantFrom(...Object.keys(payloadSchemas)), nastyBytes(broken(fc.jsonValue()))),
  run: ([kind, bytes]) =>
    refuses(ReachbackError, () => {
      const value = parsePayload(bytes);
      const schema = Object.entries(payloadSchemas).find(([name]) => name === kind)?.[1];
      schema?.safeParse(value);
      JSON.stringify(value);
    }),
};

const ranges: Parser<string> = {
  name: 'ranges of networks',
  input: nearRange,
  run: (text) =>
    refuses(RangeError, () => {
      const { kind, from, to } = parseRange(text);
      assert(from >= 0n && from <= to && to < 1n << (kind === 'ipv4' ? 32n : 128n), 'not within its family');
    }),
};

const patches: Parser<readonly [JsonObject, JsonObject]> = {
  name: 'merge patches',
  input: fc.tuple(parsed, parsed),
  run: ([target, patch]) => {
    const before = JSON.stringify(target);
    const merged = mergePatch(target, patch);
    assert(JSON.stringify(target) === before, 'the target was changed');
    assert(Object.getPrototypeOf(merged) === Object.prototype, 'the prototype was changed');
    assert(JSON.stringify(mergePatch(merged, patch)) === JSON.stringify(merged), 'merged twice is not merged once');
    undoPatch(target, patch);
    parsePolicy(merged);
  },
};

const durations: Parser<string> = {
  name: 'durations',
  input: nearDuration,
  run: (text) => {
    const read = parseDuration(text);
    if (read === undefined) return;
    assert(Number.isFinite(read) && read >= 0, `${read} milliseconds`);
    if (read < 1e12) assert(parseDuration(formatDuration(read)) === Math.round(read), 'written and read it differs');
  },
};

const cursors: Parser<string> = {
  name: 'cursors',
  input: nearCursor,
  run: (text) => {
    refuses(ReachbackError, () => decodeCursor(text, 1).map((value) => value.length));
    refuses(ReachbackError, () => BigInt(decodePosition(text)));
    for (const sort of ['id', 'name', 'since'] as const) refuses(ReachbackError, () => toPlace(text, sort));
  },
};

const chunks: Parser<readonly [readonly number[], Uint8Array]> = {
  name: 'chunks of contacts',
  input: fc.tuple(fc.array(code), fc.uint8Array({ maxLength: 120 })),
  run: ([codes, noise]) => {
    const data = Buffer.from(noise.subarray(0, noise.length - (noise.length % contactBytes)));
    codes.forEach((one, i) => i * contactBytes < data.length && (data[i * contactBytes] = one));
    refuses(Error, () =>
      readChunk(0, data, (ordinal, _kind, at) => assert(ordinal <= 0xffffff && at <= 0xffff, 'out of bounds')),
    );
  },
};

const tokens: Parser<string> = {
  name: 'tokens, keys, credentials and addresses',
  input: fc.oneof(
    nastyText,
    fc.stringMatching(/^Bearer rb_[a-z0-9]{10,14}_[\w-]{40,45}$/),
    fc.array(nastyText).map((all) => all.join('.')),
  ),
  run: (text) => {
    const token = bearerTokenOf(text);
    assert(token === undefined || !/\s/.test(token), 'a token with spaces');
    assert(typeof isToken(text) === 'boolean' && (idIn(text) ?? '').length <= 12, 'no id of a key');
    readToken(text);
    plainAddress(text);
    refuses(Error, () => parseCredentials(`-----BEGIN NATS USER JWT-----\n${text}\n------END NATS USER JWT------\n`));
  },
};

/** Runs one of them on so many inputs; @throws with the smallest input that it fails for */
const tryOne =
  <T>({ name, input, run }: Parser<T>) =>
  (numRuns: number, seed: number): void => {
    const progress = startProgress(`inputs for ${name}`, numRuns);
    let tried = 0;
    fc.assert(
      fc.property(input, run).beforeEach(() => progress(tried++)),
      { numRuns, seed },
    );
  };

export const parsers: readonly (readonly [name: string, tried: (numRuns: number, seed: number) => void])[] = [
  [payloads.name, tryOne(payloads)],
  [ranges.name, tryOne(ranges)],
  [patches.name, tryOne(patches)],
  [durations.name, tryOne(durations)],
  [cursors.name, tryOne(cursors)],
  [chunks.name, tryOne(chunks)],
  [tokens.name, tryOne(tokens)],
];
