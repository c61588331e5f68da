import { X509Certificate } from 'node:crypto';
import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrokerTrust } from '#tls';

/**
 * Whom an agent trusts to be the broker: the authorities of a file, which are kept as `ca.pem` in the agent's own folder, so
 * that they need be given once; else those that were kept; else the system's. Once there are any of its own, the agent
 * speaks to no broker without TLS.
 *
 * @throws when the file has no certificate in it
 */
export const keepTrust = async (folder: string, given: string | undefined): Promise<BrokerTrust> => {
  const kept = join(folder, 'ca.pem');
  if (given === undefined) {
    const isKept = await access(kept).then(
      () => true,
      () => false,
    );
    return isKept ? { ca: kept } : {};
  }
  const text = await readFile(given, 'utf8');
  assertCertificate(text, given);
  await mkdir(folder, { recursive: true });
  await writeFile(`${kept}.new`, text);
  await rename(`${kept}.new`, kept);
  return { ca: kept };
};

const assertCertificate = (text: string, file: string): void => {
  try {
    new X509Certificate(text);
  } catch {
    throw new Error(`${file} is no certificate in PEM: give the one of the authority that signed the broker's.`);
  }
};
