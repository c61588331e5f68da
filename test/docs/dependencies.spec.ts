import { expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');
type Package = {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly scripts: Record<string, string>;
};
const readPackage = async () => JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Package;

test('docs/dependencies.md has a reason for each direct dependency, and for nothing else', async () => {
  const page = await readFile(join(root, 'docs/dependencies.md'), 'utf8');
  const [, inProduction = '', forDevelopment = ''] = page.split(/^## .+$/m);
  const listed = (part: string) => [...part.matchAll(/^\| `([^`]+)` +\| (\S.{3,}?) +\|$/gm)].map(([, name]) => name);
  const { dependencies, devDependencies } = await readPackage();
  expect(listed(inProduction)).toEqual(Object.keys(dependencies).sort());
  expect(listed(forDevelopment)).toEqual(Object.keys(devDependencies).sort());
});

test('npm run sbom lists every package with its hash, says which are for development alone, and needs no network', async () => {
  const offline = { ...process.env, npm_config_registry: 'http://127.0.0.1:9' };
  const options = { cwd: root, env: offline, maxBuffer: 50_000_000 };
  const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'sbom'], options);
  const { bomFormat, components } = JSON.parse(stdout) as {
    bomFormat: string;
    components: { name: string; hashes?: unknown[]; properties?: { name: string; value: string }[] }[];
  };
  const { dependencies, devDependencies } = await readPackage();
  expect(bomFormat).toBe('CycloneDX');
  const inProduction = components.filter(({ properties = [] }) =>
    properties.every(({ name }) => name !== 'cdx:npm:package:development'),
  );
  const names = (some: typeof components) => new Set(some.map(({ name }) => name));
  expect(Object.keys(dependencies).filter((name) => !names(inProduction).has(name))).toEqual([]);
  expect(Object.keys(devDependencies).filter((name) => !names(components).has(name))).toEqual([]);
  // Some are wanted, but not brought, by packages that run in production.
  expect(['jest', 'eslint', 'prettier'].filter((name) => names(inProduction).has(name))).toEqual([]);
  expect(components.filter(({ hashes }) => !hashes?.length)).toEqual([]);
}, 120_000);
