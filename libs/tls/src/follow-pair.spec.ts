import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issueCertificate, makeAuthority } from '#embedded';
import { until } from '../../../test/helpers/conditions.js';
import { type Following, followPair } from './follow-pair.js';
import type { Pair } from './pair.js';

const day = 86_400_000;

let folder: string;
let changes: Pair[];
let refusals: string[];
let following: Following | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reachback-test-pair-'));
  [changes, refusals] = [[], []];
});
afterEach(async () => {
  following?.stop();
  await rm(folder, { recursive: true, force: true });
});

const files = () => ({ cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') });
const newPair = async (lifetime = day): Promise<Pair> =>
  issueCertificate(await makeAuthority(), { names: ['localhost'], lifetime });
const write = async (pair: Partial<Pair>): Promise<void> => {
  if (pair.key !== undefined) await writeFile(files().key, pair.key);
  if (pair.cert !== undefined) await writeFile(files().cert, pair.cert);
};
const follow = async (): Promise<Following> => {
  following = await followPair({
    files: files(),
    interval: 20,
    onChange: (pair) => changes.push(pair),
    onRefused: (reason) => refusals.push(reason),
  });
  return following;
};

describe('a pair in its files', () => {
  test('is followed when another is written, and when it is swapped behind a symbolic link', async () => {
    const [first, second, third] = [await newPair(), await newPair(), await newPair()];
    await write(first);
    const { current } = await follow();
    expect(current()).toMatchObject(first);
    await write(second);
    await until(() => changes.length === 1);
    expect(current()).toMatchObject(second);
    await writeFile(join(folder, 'third.pem'), third.cert);
    await writeFile(join(folder, 'third-key.pem'), third.key);
    for (const [name, file] of [
      ['third-key.pem', files().key],
      ['third.pem', files().cert],
    ] as const) {
      await symlink(join(folder, name), `${file}.new`);
      await rename(`${file}.new`, file);
    }
    await until(() => changes.length === 2);
    expect(changes).toEqual([second, third]);
  });

  test.each([
    ['what is no certificate', async () => ({ cert: 'nothing' }), 'is no certificate in PEM'],
    ['another’s key', async () => ({ key: (await newPair()).key }), 'is not the key of'],
    ['a certificate that has expired', () => newPair(-1_000), 'has expired'],
    ['a key that is none, without a word of it', async () => ({ key: 'PLANTED' }), 'is no private key in PEM'],
  ])('is kept when they hold %s, and that is said once', async (_, wrong, said) => {
    const first = await newPair();
    await write(first);
    const { current } = await follow();
    await write(await wrong());
    await until(() => refusals.length > 0);
    const second = await newPair();
    await write(second);
    await until(() => changes.length === 1);
    expect(refusals).toEqual([expect.stringContaining(said)]);
    expect(refusals.join()).not.toContain('PLANTED');
    expect(current()).toMatchObject(second);
  });

  test('is kept when a file is away', async () => {
    const first = await newPair();
    await write(first);
    await follow();
    await rm(files().key);
    await until(() => refusals.length > 0);
    expect(refusals).toEqual([expect.stringContaining('cannot be read (ENOENT)')]);
    await write(first);
    const second = await newPair();
    await write(second);
    await until(() => changes.length === 1);
  });

  test('that is none to begin with is an error', async () => {
    await expect(follow()).rejects.toThrow('cannot be read (ENOENT)');
    await write({ ...(await newPair()), key: (await newPair()).key });
    await expect(follow()).rejects.toThrow('is not the key of');
  });
});
