import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { factVersions } from '#contracts';
import { upcast } from './upcasting.js';

/** What was written once must be read for ever: one fixture for each version of each fact, never changed. */
const folder = join(import.meta.dirname, 'fixtures');
type Fixture = {
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: Record<string, unknown>;
  readonly decoded: Record<string, unknown>;
};
const fixtures = readdirSync(folder).map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Fixture);

describe('facts of every version ever written', () => {
  test.each(fixtures.map((fixture) => [`${fixture.type} v${fixture.schemaVersion}`, fixture] as const))(
    '%s decodes',
    (_, { type, schemaVersion, data, decoded }) => {
      expect(upcast(type, schemaVersion, data)).toEqual(decoded);
    },
  );

  test('no version is without a fixture', () => {
    const written = Object.entries(factVersions).flatMap(([type, current]) =>
      Array.from({ length: current }, (_, i) => `${type} v${i + 1}`),
    );
    expect(fixtures.map(({ type, schemaVersion }) => `${type} v${schemaVersion}`).sort()).toEqual(written.sort());
  });

  test('what a newer Reachback wrote is refused', () => {
    expect(() => upcast('client-removed', 2, {})).toThrow('knows up to 1');
    expect(() => upcast('client-teleported', 1, {})).toThrow('unknown type');
  });
});
