import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../../../test/helpers/conditions.js';
import { issueCertificate } from './authority.js';
import { keepLocalCertificate, type LocalCertificate, type LocalOptions } from './keep-certificate.js';

const minute = 60_000;

let within: string;
let folder: string;
let renewals: Date[];
let kept: LocalCertificate[];

beforeEach(async () => {
  within = await mkdtemp(join(tmpdir(), 'reachback-test-authority-'));
  folder = join(within, 'tls');
  [renewals, kept] = [[], []];
});
afterEach(async () => {
  for (const { stop } of kept) await stop();
  await rm(within, { recursive: true, force: true });
});

const keep = async (more: Partial<LocalOptions> = {}): Promise<LocalCertificate> => {
  const onFailure = (error: unknown): void => {
    throw error;
  };
  const certificate = await keepLocalCertificate({
    folder,
    interval: 20,
    onRenewed: (expires) => renewals.push(expires),
    onFailure,
    ...more,
  });
  kept.push(certificate);
  return certificate;
};
const certificateIn = async (file: string) => new X509Certificate(await readFile(file));
const authority = async () => ({
  cert: await readFile(join(folder, 'ca.pem'), 'utf8'),
  key: await readFile(join(folder, 'ca-key.pem'), 'utf8'),
});

test('an authority is made once, for servers alone; its certificate names this machine, and keys are for their owner', async () => {
  const { ca, files } = await keep();
  const [root, leaf] = [await certificateIn(ca), await certificateIn(files.cert)];
  expect([root.ca, leaf.ca, leaf.checkIssued(root), leaf.verify(root.publicKey)]).toEqual([true, false, true, true]);
  for (const ip of ['127.0.0.1', '::1']) expect(leaf.checkIP(ip)).toBe(ip);
  expect([leaf.checkHost('localhost'), leaf.checkHost('example.com')]).toEqual(['localhost', undefined]);
  for (const file of [join(folder, 'ca-key.pem'), files.key]) expect((await stat(file)).mode & 0o777).toBe(0o600);
  await keep();
  expect((await certificateIn(ca)).serialNumber).toBe(root.serialNumber);
  expect((await certificateIn(files.cert)).serialNumber).toBe(leaf.serialNumber);
});

test('a certificate is renewed before it expires, while it is kept', async () => {
  const { files } = await keep();
  // Valid from five minutes ago: so more than two thirds of it are over.
  const short = await issueCertificate(await authority(), {
    names: ['localhost', '127.0.0.1', '::1'],
    lifetime: minute,
  });
  await writeFile(files.key, short.key);
  await writeFile(files.cert, short.cert);
  await until(() => renewals.length > 0);
  const renewed = await certificateIn(files.cert);
  expect(renewed.verify((await certificateIn(join(folder, 'ca.pem'))).publicKey)).toBe(true);
  expect(Date.parse(renewed.validTo)).toBeGreaterThan(Date.now() + 29 * 86_400_000);
});

test('one that does not name all it should, is another’s, or is damaged, is replaced at the start', async () => {
  const { files, ca } = await keep();
  const root = await certificateIn(ca);
  for (const names of [['elsewhere.test'], undefined]) {
    for (const { stop } of kept) await stop();
    const pair = names && (await issueCertificate(await authority(), { names, lifetime: 86_400_000 }));
    await writeFile(files.cert, pair?.cert ?? 'damaged');
    await keep();
    const now = await certificateIn(files.cert);
    expect([now.checkHost('localhost'), now.verify(root.publicKey)]).toEqual(['localhost', true]);
  }
});

test('an authority that lost its key is an error that says so, and is not replaced in silence', async () => {
  await keep();
  await rm(join(folder, 'ca-key.pem'));
  await expect(keep()).rejects.toThrow('one of ca.pem and ca-key.pem is missing');
  await writeFile(join(folder, 'ca-key.pem'), 'PLANTED');
  const failure: unknown = await keep().catch((error: unknown) => error);
  expect(String(failure)).toMatch(/ca-key\.pem is no private key in PEM/);
  expect(String(failure)).not.toContain('PLANTED');
});
