import { type X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keepLocalCertificate, type NatsTls, SetupError } from '#embedded';
import { certificateOf, expiryOf, followPair, PairError, type PairFiles, readPair } from '#tls';
import type { UpConfig } from './config.js';
import { say, warn } from './progress.js';

/** The certificate by which broker and server are reached, for the broker and for those who ask here. */
export type UpCertificate = NatsTls & {
  /** Of the authority, as PEM; undefined where the system knows it. */
  readonly caText: string | undefined;
  /** Whether it is an authority of this installation's own. */
  readonly isLocal: boolean;
  /** Tells of each other certificate that is in the files from now on. */
  readonly follow: (changed: () => void) => Promise<void>;
  readonly stop: () => Promise<void>;
};

/**
 * The certificate of the files that were named, or, with `--tls`, of the authority in the data folder, which is made at the
 * first start. Undefined without either: nothing then speaks TLS.
 *
 * @throws {SetupError} saying what is wrong with the files
 */
export const takeCertificate = async (config: UpConfig, folder: string): Promise<UpCertificate | undefined> => {
  const { REACHBACK_TLS_CERT: cert, REACHBACK_TLS_KEY: key, REACHBACK_TLS_CA: ca } = config;
  if (config.tls) return local(join(folder, 'tls'));
  if (cert === undefined || key === undefined) return undefined;
  const files = { cert, key };
  try {
    const name = nameIn(certificateOf(await readPair(files), files));
    const caText = ca === undefined ? undefined : await readFile(ca, 'utf8');
    return { files, ca, caText, name, isLocal: false, ...following(files, () => Promise.resolve()) };
  } catch (error) {
    throw new SetupError(`The certificate: ${error instanceof Error ? error.message : String(error)}`);
  }
};

const local = async (folder: string): Promise<UpCertificate> => {
  const { ca, files, stop } = await keepLocalCertificate({
    folder,
    onRenewed: (expires) => say(`The certificate was renewed; it is valid until ${expires.toISOString()}`),
    onFailure: (error) =>
      warn(
        `The certificate could not be renewed (${error instanceof Error ? error.message : String(error)}); trying on`,
      ),
  });
  const caText = await readFile(ca, 'utf8');
  return { files, ca, caText, isLocal: true, ...following(files, stop) };
};

const following = (files: PairFiles, stopToo: () => Promise<void>): Pick<UpCertificate, 'follow' | 'stop'> => {
  let stop = stopToo;
  return {
    follow: async (changed) => {
      const following = await followPair({
        files,
        onChange: (_, certificate) => {
          changed();
          say(`Another certificate is served from now on; it is valid until ${expiryOf(certificate).toISOString()}`);
        },
        onRefused: (reason) => warn(`The broker cannot use the new certificate: ${reason}; it keeps the one before`),
      });
      stop = () => {
        following.stop();
        return stopToo();
      };
    },
    stop: () => stop(),
  };
};

/** By which name we trust it ourselves: we ask at 127.0.0.1, which a certificate from elsewhere does not name. */
const nameIn = (certificate: X509Certificate): string | undefined => {
  if (certificate.checkIP('127.0.0.1') !== undefined) return undefined;
  const [, name] = /DNS:([^,\s]+)/.exec(certificate.subjectAltName ?? '') ?? [];
  if (name === undefined) throw new PairError('it names no host (subjectAltName)');
  return name.replace(/^\*/, 'reachback');
};
