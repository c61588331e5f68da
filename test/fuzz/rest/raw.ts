import fc from 'fast-check';
import { nastyText } from '../values.js';

const line = fc.oneof(nastyText, fc.constantFrom('GET /healthz HTTP/1.1', 'GET / HTTP/1.1', 'PRI * HTTP/2.0', 'GET'));
const head = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('GET', 'PATCH', 'get', 'FOO', ''),
      nastyText,
      fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/9.9', ''),
    )
    .map((parts) => parts.join(' ')),
  line,
);
const field = fc.oneof(
  fc
    .tuple(fc.constantFrom('Host', 'X', 'Content-Type', 'Authorization', 'X-Request-Id', ''), nastyText)
    .map(([name, text]) => `${name}: ${text}`),
  fc.constantFrom(
    'Host: a',
    'Content-Length: -1',
    'Content-Length: 5',
    'Content-Length: 99999999999999999999',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: chunked, chunked',
    'Transfer-Encoding: identity',
    'Connection: upgrade',
    'Upgrade: websocket',
    'Expect: 100-continue',
    ' folded',
    'no colon',
  ),
);

/** Bytes that are no HTTP, or hardly any. */
export const rawRequest: fc.Arbitrary<Buffer> = fc.oneof(
  fc
    .tuple(
      head,
      fc.array(field, { maxLength: 6 }),
      fc.oneof(fc.constantFrom('', '0\r\n\r\n', 'zz\r\n', '5\r\nab'), nastyText),
    )
    .map(([first, fields, body]) =>
      Buffer.from([first, ...fields, 'Connection: close', '', body].join('\r\n'), 'latin1'),
    ),
  fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
);
