import { describe, expect, test } from '@jest/globals';
import { DeliveryReader } from './delivery.js';

const delivery = { streamSequence: 1_234_567, consumerSequence: 17, time: 1_795_851_051_887_000_123n, pending: 0 };

describe('the subject of a delivery', () => {
  test.each([
    ['NATS 2.9', '$JS.ACK.reachback.xGf7.1.1234567.17.1795851051887000123.0'],
    ['with a domain, an account and a token', '$JS.ACK._.aB3xyz.reachback.xGf7.1.1234567.17.1795851051887000123.0.k9'],
  ])('%s', (_, subject) => {
    const reader = new DeliveryReader('xGf7');
    expect(reader.read(subject)).toEqual(delivery);
    const next = subject.replace('1234567.17.', '1234568.18.').replace('123.0', '124.9001');
    expect(reader.read(next)).toEqual({
      streamSequence: 1_234_568,
      consumerSequence: 18,
      time: 1_795_851_051_887_000_124n,
      pending: 9_001,
    });
  });

  test.each(['', '_INBOX.xGf7', '_INBOX.a.b.c.d.e.f.g.h', '$JS.ACK.reachback.other.1.2.3.4.5'])(
    'what is none has no sequence: %j',
    (subject) => {
      expect(new DeliveryReader('xGf7').read(subject)).toMatchObject({ consumerSequence: 0 });
    },
  );
});
