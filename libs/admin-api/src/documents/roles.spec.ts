import { expect, test } from '@jest/globals';
import { describeRoles } from './roles.js';

const pathsOf = (operation: object) => ({ paths: { '/v1/things': { get: { responses: {}, ...operation } } } });

test('a document with a route that states no role is refused, and so the server does not start', () => {
  expect(() => describeRoles(pathsOf({}))).toThrow('GET /v1/things does not state the role it needs');
});

test('a route says which role it needs, and how others are answered', () => {
  const document = pathsOf({ description: 'Things.', 'x-required-role': 'operator', 'x-required-scope': 'group' });
  describeRoles(document);
  expect(document.paths['/v1/things'].get).toMatchObject({
    description: expect.stringMatching(/^Things\. Needs the role `operator`/),
    responses: { 401: expect.anything(), 403: expect.anything() },
  });
});

test('a public route stays as it is', () => {
  const document = pathsOf({ 'x-required-role': 'none' });
  describeRoles(document);
  expect(document.paths['/v1/things'].get).toEqual({ responses: {}, 'x-required-role': 'none' });
});
