import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { roles } from '#contracts';
import { makeKey } from '../helpers/keys.js';
import { restClient, type RestClient } from '../helpers/rest.js';
import { startSystem, type System } from '../helpers/system.js';

type Operation = { readonly 'x-required-role'?: string; readonly 'x-required-scope'?: string };
type Document = { readonly paths: Record<string, Record<string, Operation>> };

const group = 'paris';
/** Things that do not exist, in the group where it counts: who is let in finds nothing, and changes nothing. */
const places: Readonly<Record<string, string>> = {
  path: 'paris%2Fnowhere',
  name: 'nothing',
  '/v1/clients': 'nobody',
  '/v1/keys': 'aaaaaaaaaaaa',
  id: '00000000-0000-4000-8000-000000000000',
};
const fill = (path: string): string =>
  path.replace(/(\/v1\/\w+)?\/\{(\w+)\}/g, (_, before: string | undefined, name: string) => {
    return `${before ?? ''}/${places[before ?? ''] ?? places[name] ?? ''}`;
  });

let system: System;
const callers = new Map<string, { readonly key: string; readonly role: string; readonly isLimited: boolean }>();
let nobody: RestClient;

beforeAll(async () => {
  system = await startSystem();
  nobody = restClient({ url: system.server.url, key: '' });
  for (const role of roles) {
    for (const isLimited of [false, true]) {
      const name = `${role}${isLimited ? ' of a group' : ''}`;
      const { key } = await makeKey(system, { name, role, ...(isLimited ? { group } : {}) });
      callers.set(name, { key, role, isLimited });
    }
  }
}, 120_000);
afterAll(() => system.stop());

const operations = async () => {
  const { paths } = await nobody.get<Document>('/openapi.json');
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
};

const ask = async (key: string | undefined, method: string, path: string) => {
  const hasBody = ['POST', 'PUT', 'PATCH'].includes(method);
  const response = await fetch(`${system.server.url}${fill(path)}`, {
    method,
    headers: {
      ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }),
      ...(hasBody ? { 'Content-Type': 'application/json' } : {}),
    },
    ...(hasBody ? { body: '{}' } : {}),
  });
  const text = await response.text();
  const isProblem = response.headers.get('content-type') === 'application/problem+json';
  return { status: response.status, code: isProblem ? (JSON.parse(text) as { code: string }).code : undefined };
};

const rank = (role: string): number => roles.findIndex((one) => one === role);

/** What the document says of how a caller is answered. */
const expected = (operation: Operation, caller: { readonly role: string; readonly isLimited: boolean } | undefined) => {
  const { 'x-required-role': needed = '', 'x-required-scope': scope } = operation;
  if (needed === 'none') return 'let in';
  if (!caller) return 'unauthorized';
  return rank(caller.role) >= rank(needed) && !(scope === 'fleet' && caller.isLimited) ? 'let in' : 'forbidden';
};

const found = ({ status, code }: { readonly status: number; readonly code: string | undefined }): string => {
  if (status === 401 || status === 403) return code ?? `${status} without a code`;
  return status < 500 || status === 503 ? 'let in' : `${status}`;
};

describe('every route, by what its document says', () => {
  test('every operation states a role, and who may not use it is answered 401 or 403', async () => {
    const all = await operations();
    expect(all.length).toBeGreaterThan(40);
    expect(all.filter(({ operation }) => operation['x-required-role'] === undefined)).toEqual([]);
  });

  test('with no key, and with each role, whole and limited to a group, it answers as the document says', async () => {
    const wrong: string[] = [];
    const seen = new Set<string>();
    for (const { method, path, operation } of await operations()) {
      for (const [name, caller] of [['no key', undefined] as const, ...callers]) {
        const want = expected(operation, caller);
        const have = found(await ask(caller?.key, method, path));
        seen.add(want);
        if (have !== want) wrong.push(`${method} ${path} with ${name}: ${have}, not ${want}`);
      }
    }
    expect(wrong).toEqual([]);
    expect([...seen].sort()).toEqual(['forbidden', 'let in', 'unauthorized']);
  }, 240_000);

  test('a route that only an administrator of the fleet may use says so', async () => {
    const { paths } = await nobody.get<Document>('/openapi.json');
    expect(paths['/v1/networks']?.['put']).toMatchObject({
      description: 'Needs the role `admin` and a key for the whole fleet.',
      'x-required-role': 'admin',
      'x-required-scope': 'fleet',
    });
  });
});
