import { expect, test } from '@jest/globals';
import { contactLimit } from '#domain';
import { createRequestLimiter } from './request-limiter.js';

test('G12: a client that asks too much is told when to come back; its neighbours are not', () => {
  let now = 0;
  const limiter = createRequestLimiter(() => now);
  for (let i = 0; i < contactLimit.contacts; i++) limiter.assertAdmitted('flood');
  expect(() => limiter.assertAdmitted('flood')).toThrow(
    expect.objectContaining({ code: 'rate_limited', retryAfterSeconds: contactLimit.window / 1000 }),
  );
  limiter.assertAdmitted('neighbour');
  now = contactLimit.window;
  limiter.assertAdmitted('flood');
});
