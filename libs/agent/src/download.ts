import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { UpdateItem } from '#contracts';

const downloadTimeout = 600_000;

/** Puts an update into effect; an error is reported to the server as the reason of its failure. */
export type UpdateHandler = (update: UpdateItem, signal: AbortSignal) => Promise<void>;

/**
 * Downloads updates to `<folder>/<component>/<version>`. The file is there only if its size and its SHA-256 are those
 * of the release; a download that grows beyond the size is cut off.
 */
export const downloadTo =
  (folder: string): UpdateHandler =>
  async (update, signal) => {
    const target = join(folder, safeName(update.component), safeName(update.version));
    const partial = `${target}.part`;
    await mkdir(join(folder, safeName(update.component)), { recursive: true });
    try {
      const response = await fetch(update.url, {
        signal: AbortSignal.any([signal, AbortSignal.timeout(downloadTimeout)]),
      });
      if (!response.ok || !response.body) throw new Error(`the download answered ${response.status}`);
      const check = checkContent(update);
      await pipeline(Readable.fromWeb(response.body), check, createWriteStream(partial));
      await rename(partial, target);
    } catch (error) {
      await rm(partial, { force: true });
      throw error instanceof TypeError && error.cause instanceof Error
        ? new Error(`the download failed: ${error.cause.message}`)
        : error;
    }
  };

/** A name from the server as the name of a file: no path, nothing hidden. */
const safeName = (name: string): string =>
  encodeURIComponent(name).replace(/^\.+/, (dots) => '%2E'.repeat(dots.length));

const checkContent = ({ size, sha256 }: UpdateItem): Transform => {
  const hash = createHash('sha256');
  let received = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      hash.update(chunk);
      done(received > size ? new Error(`the download is larger than ${size} bytes`) : null, chunk);
    },
    flush(done) {
      const found = hash.digest('hex');
      if (received !== size) return done(new Error(`the download has ${received} bytes instead of ${size}`));
      done(
        found === sha256.toLowerCase() ? null : new Error(`the download's SHA-256 is ${found} instead of ${sha256}`),
      );
    },
  });
};
