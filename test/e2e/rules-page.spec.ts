import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readRulesPage, ruleIds } from '../helpers/rules-page.js';
import { wordsFor } from '../helpers/rules-words.js';
import { startSystem, type System } from '../helpers/system.js';

const rules = readRulesPage();

let system: System;

beforeAll(async () => {
  system = await startSystem();
  await system.rest.send('PUT', '/v1/networks', [{ name: 'lab-nat', ranges: ['10.0.0.0/8'] }]);
});
afterAll(() => system.stop());

test('the page has every rule in order, each with an example', () => {
  expect(rules.map(({ id }) => id)).toEqual(ruleIds);
  expect(rules.filter(({ example }) => example === '')).toEqual([]);
});

type Example = (...words: readonly unknown[]) => Promise<void>;
const AsyncFunction = (async () => undefined).constructor as new (...parts: readonly string[]) => Example;

describe('the example of a rule does what the page says', () => {
  test.each(rules)('$heading', async ({ id, example }) => {
    const { words, end } = wordsFor(system, id);
    const run = new AsyncFunction(...Object.keys(words), `'use strict';\n${example}`);
    await run(...Object.values(words)).finally(end);
  });
});
