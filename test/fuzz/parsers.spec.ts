import { test } from '@jest/globals';
import { inputs, seed } from './inputs.js';
import { parsers } from './parsers.js';

/** What is left of all inputs when messages and requests have theirs. */
const share = Math.ceil((inputs * 3) / 8 / parsers.length);

test.each(parsers)(
  '%s: whatever is read gives a result or the error that is meant for it',
  (_, tried) => tried(share, seed),
  3_600_000,
);
