import { expect, test } from '@jest/globals';
import type { Fact, FactMeta } from '#contracts';
import { causeOf } from './cause.js';

const fact = (meta: FactMeta): Fact => ({
  type: 'networks-changed',
  data: { networks: [] },
  client: null,
  meta,
  lane: null,
  position: 7n,
  id: '',
  recordedAt: new Date(0),
});

test('a conclusion says which fact it follows from, and the request behind that, if there was one', () => {
  expect(causeOf(fact({ actor: 'test', correlation: 'c' }))).toStrictEqual({ causation: '7', correlation: 'c' });
  expect(causeOf(fact({ actor: 'test' }))).toStrictEqual({ causation: '7' });
});
