import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** A certificate (its chain behind it) and its private key, as PEM. */
export type Pair = { readonly cert: string; readonly key: string };
export type PairFiles = { readonly cert: string; readonly key: string };

/** A certificate or a key that cannot be used; the message names the file, and never says what is in it. */
export class PairError extends Error {
  override readonly name = 'PairError';
}

/**
 * Reads a pair as it is, without a look at what it says.
 *
 * @throws {PairError} when a file cannot be read
 */
export const readPair = async (files: PairFiles): Promise<Pair> => {
  const read = (file: string) =>
    readFile(file, 'utf8').catch((error: unknown) => {
      throw new PairError(`${file} cannot be read (${codeOf(error)})`, { cause: error });
    });
  const [cert, key] = await Promise.all([read(files.cert), read(files.key)]);
  return { cert, key };
};

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'for no known reason';

/**
 * The certificate of a pair that belongs together.
 *
 * @throws {PairError} when one of the two is none, or they do not belong together
 */
export const certificateOf = ({ cert, key }: Pair, files: PairFiles): X509Certificate => {
  const certificate = parse(() => new X509Certificate(cert), `${files.cert} is no certificate in PEM`);
  const privateKey: KeyObject = parse(
    () => createPrivateKey(key),
    `${files.key} is no private key in PEM, or has a passphrase`,
  );
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new PairError(`${files.key} is not the key of ${files.cert}`);
  }
  return certificate;
};

/** The reason of the library is left out: it may quote its input. */
const parse = <T>(work: () => T, otherwise: string): T => {
  try {
    return work();
  } catch {
    throw new PairError(otherwise);
  }
};

export const expiryOf = (certificate: X509Certificate): Date => new Date(certificate.validTo);
