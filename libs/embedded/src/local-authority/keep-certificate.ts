import { X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { certificateOf, expiryOf, type Pair, type PairFiles, readPair } from '#tls';
import { SetupError } from '../failure.js';
import { type Issued, issueCertificate, makeAuthority } from './authority.js';

/** The certificate of a folder's own authority, and the one it has issued. */
export type LocalCertificate = {
  /** The file with the authority's certificate: whoever trusts it trusts what is served here. */
  readonly ca: string;
  readonly files: PairFiles;
  /** Resolves when nothing is written any more. */
  readonly stop: () => Promise<void>;
};

export type LocalOptions = {
  /** Holds all of it: keys of mode 600, certificates for everybody; made at the first start. */
  readonly folder: string;
  readonly names?: readonly string[];
  /** In milliseconds. */
  readonly lifetime?: number;
  /** How often it is looked at whether the time has come, in milliseconds. */
  readonly interval?: number;
  readonly onRenewed: (expires: Date) => void;
  readonly onFailure: (error: unknown) => void;
};

const localNames = ['localhost', '127.0.0.1', '::1'] as const;
const day = 86_400_000;
const usualLifetime = 30 * day;
const usualInterval = 3_600_000;
/** A certificate is renewed when this share of its life is over. */
const renewalShare = 2 / 3;

const pathsIn = (folder: string) => ({
  ca: join(folder, 'ca.pem'),
  caKey: join(folder, 'ca-key.pem'),
  files: { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') },
});

/**
 * Sees to it that a folder has a certificate that its own authority has signed, now and for as long as this runs: it is
 * made, if there is none that will do, and renewed in its files before it expires. Whoever serves it follows the files.
 *
 * @throws {SetupError} when the authority's files are damaged, or it has expired
 */
export const keepLocalCertificate = async (options: LocalOptions): Promise<LocalCertificate> => {
  const { folder, interval = usualInterval, onRenewed, onFailure } = options;
  const { ca, files } = pathsIn(folder);
  const authority = await ensureAuthority(folder);
  const renewWhenDue = async (): Promise<Date | undefined> =>
    (await willDo(authority, options, files)) ? undefined : renew(authority, options, files);
  await renewWhenDue();
  let looking: Promise<unknown> | undefined;
  const timer = setInterval(() => {
    looking ??= renewWhenDue()
      .then((expires) => expires && onRenewed(expires), onFailure)
      .finally(() => (looking = undefined));
  }, interval);
  timer.unref();
  const stop = async (): Promise<void> => {
    clearInterval(timer);
    await looking;
  };
  return { ca, files, stop };
};

/** Another certificate in the place of the one of a folder that {@link keepLocalCertificate} has made. */
export const renewLocalCertificate = async (folder: string): Promise<Date> => {
  const { files } = pathsIn(folder);
  return renew(await ensureAuthority(folder), {}, files);
};

const ensureAuthority = async (folder: string): Promise<Issued> => {
  const { ca, caKey } = pathsIn(folder);
  const [cert, key] = await Promise.all([ca, caKey].map((file) => readFile(file, 'utf8').catch(() => undefined)));
  if (cert !== undefined && key !== undefined) return checked({ cert, key }, folder);
  if (cert !== undefined || key !== undefined) {
    throw new SetupError(
      `In ${folder} one of ca.pem and ca-key.pem is missing. Bring it back, or remove the folder: the next start makes ` +
        'another authority, which agents and browsers then have to be told of.',
    );
  }
  const made = await makeAuthority();
  const making = `${folder}.new`;
  await rm(making, { recursive: true, force: true });
  await mkdir(making, { recursive: true, mode: 0o711 });
  await chmod(making, 0o711);
  await writeFile(join(making, 'ca-key.pem'), made.key, { mode: 0o600 });
  await writeFile(join(making, 'ca.pem'), made.cert);
  await rename(making, folder);
  return made;
};

const checked = (authority: Issued, folder: string): Issued => {
  const { ca, caKey } = pathsIn(folder);
  try {
    const expires = expiryOf(certificateOf(authority, { cert: ca, key: caKey }));
    if (expires.getTime() < Date.now()) throw new Error(`${ca} has expired`);
    return authority;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SetupError(`${reason}. Bring it back, or remove ${folder}: the next start makes another authority.`);
  }
};

type Wanted = Pick<LocalOptions, 'names' | 'lifetime'>;

/** Whether the certificate that is there is the authority's, has all names, and has not the most of its life behind it. */
const willDo = async ({ cert }: Issued, { names = localNames }: Wanted, files: PairFiles): Promise<boolean> => {
  try {
    const certificate = certificateOf(await readPair(files), files);
    const [from, to] = [Date.parse(certificate.validFrom), expiryOf(certificate).getTime()];
    const has = (name: string) => (isIP(name) > 0 ? certificate.checkIP(name) : certificate.checkHost(name));
    return (
      certificate.verify(new X509Certificate(cert).publicKey) &&
      names.every((name) => has(name) !== undefined) &&
      Date.now() < from + (to - from) * renewalShare
    );
  } catch {
    return false;
  }
};

const renew = async (
  authority: Issued,
  { names = localNames, lifetime = usualLifetime }: Wanted,
  files: PairFiles,
): Promise<Date> => {
  const pair: Pair = await issueCertificate(authority, { names, lifetime });
  await writeFile(`${files.key}.new`, pair.key, { mode: 0o600 });
  await writeFile(`${files.cert}.new`, pair.cert);
  await rename(`${files.key}.new`, files.key);
  await rename(`${files.cert}.new`, files.cert);
  return expiryOf(certificateOf(pair, files));
};
