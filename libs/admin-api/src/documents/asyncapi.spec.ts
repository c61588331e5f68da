import { expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requestKinds } from '#contracts';
import { asyncApiDocument } from './asyncapi.js';

type Json = { readonly [name: string]: unknown };

const document = asyncApiDocument('1.2.3');

const references = (value: unknown): readonly string[] => {
  if (typeof value !== 'object' || value === null) return [];
  const own =
    '$ref' in value && typeof value.$ref === 'string' && value.$ref.startsWith('#/channels/') ? [value.$ref] : [];
  return [...own, ...Object.values(value).flatMap(references)];
};

test('what it refers to is in it', () => {
  const found = references(document.operations);
  expect(found.length).toBeGreaterThan(20);
  for (const reference of found) {
    const target = reference
      .split('/')
      .slice(1)
      .reduce<unknown>((value, name) => (value as Json | undefined)?.[name], document);
    expect({ reference, target }).toEqual({ reference, target: expect.anything() });
  }
});

test('it says where answers come over MQTT, as docs/gateways.md does', async () => {
  const page = await readFile(join(import.meta.dirname, '../../../../docs/gateways.md'), 'utf8');
  const { address, description, parameters } = document.channels.mqttReply;
  expect(address).toBe('reachback.reply.v1.{clientId}.{kind}');
  expect(description).toContain('reachback/reply/v1/{clientId}/{kind}');
  expect(page).toContain('`reachback/reply/v1/<clientId>/<kind>`');
  expect(parameters.kind.enum).toEqual([...requestKinds, 'renew']);
  expect(document.info.description).toContain('reachback/v1/<clientId>/<kind>');
  expect(page).toContain('`reachback/v1/<clientId>/<kind>`');
});
