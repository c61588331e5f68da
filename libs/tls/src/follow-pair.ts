import type { X509Certificate } from 'node:crypto';
import { certificateOf, expiryOf, type Pair, PairError, type PairFiles, readPair } from './pair.js';

export type Following = {
  /** The pair that is good now. */
  readonly current: () => Pair & { readonly certificate: X509Certificate };
  readonly stop: () => void;
};

export type FollowOptions = {
  readonly files: PairFiles;
  /** Told of another pair in the files, which is good. */
  readonly onChange: (pair: Pair, certificate: X509Certificate) => void;
  /** Told once of what cannot be used in its place; the pair before stays. */
  readonly onRefused: (reason: string) => void;
  /** How often the files are looked at, in milliseconds. */
  readonly interval?: number;
};

const usualInterval = 1_000;

/**
 * Follows a pair in its files: read again once a second, and taken when two looks in a row found the same, so that
 * nobody sees a new certificate with the old key. The content is compared, not times or inodes: files are written in
 * place, renamed over, or swapped behind a symbolic link (as Kubernetes does), and the text is a few kilobytes.
 *
 * @throws {PairError} when the files hold no pair to begin with
 */
export const followPair = async ({
  files,
  onChange,
  onRefused,
  interval = usualInterval,
}: FollowOptions): Promise<Following> => {
  const first = await readPair(files);
  let current = { ...first, certificate: certificateOf(first, files) };
  let lastSeen = textOf(first);
  let settled = lastSeen;
  const look = async (): Promise<void> => {
    const seen = await readPair(files).catch((error: unknown) => reasonOf(error));
    const text = typeof seen === 'string' ? seen : textOf(seen);
    const isStill = text === lastSeen;
    lastSeen = text;
    if (!isStill || text === settled) return;
    settled = text;
    if (typeof seen === 'string') return onRefused(seen);
    try {
      const certificate = certificateOf(seen, files);
      if (expiryOf(certificate).getTime() < Date.now()) throw new PairError(`${files.cert} has expired`);
      if (text === textOf(current)) return;
      current = { ...seen, certificate };
      onChange(seen, certificate);
    } catch (error) {
      onRefused(reasonOf(error));
    }
  };
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void look().finally(() => (looking = false));
  }, interval);
  timer.unref();
  return { current: () => current, stop: () => clearInterval(timer) };
};

const textOf = ({ cert, key }: Pair): string => `${cert}\n${key}`;
const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
