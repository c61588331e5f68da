import { expect, test } from '@jest/globals';
import { contactLimit } from '#domain';
import { ContactLimiter } from './contact-limiter.js';

test('G12: a client that floods is cut short alone, until the window ends', () => {
  const limiter = new ContactLimiter();
  const { contacts, window } = contactLimit;
  const admitted = (ordinal: number, count: number, at: number) =>
    Array.from({ length: count }, () => limiter.admits(ordinal, at)).filter(Boolean).length;
  expect(admitted(7, 2 * contacts, 0)).toBe(contacts);
  expect(admitted(8, contacts, 1)).toBe(contacts);
  // Also those for whom room is made only now.
  for (const ordinal of [1_024, 70_000]) expect(admitted(ordinal, 2 * contacts, window - 1)).toBe(contacts);
  expect(admitted(7, 1, window - 1)).toBe(0);
  expect(admitted(7, 2 * contacts, window)).toBe(contacts);
});
