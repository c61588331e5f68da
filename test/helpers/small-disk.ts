import { execFile } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A file system so small that it can be filled. */
export type SmallDisk = {
  readonly folder: string;
  /** Takes all the room that is left. */
  readonly fill: () => Promise<void>;
  /** Gives back what `fill` took. */
  readonly free: () => Promise<void>;
  readonly unmount: () => Promise<void>;
};

/** Mounts one in memory; or says why that cannot be done here. Only root may mount, and not in every container. */
export const mountSmallDisk = async (megabytes: number): Promise<SmallDisk | { readonly why: string }> => {
  const folder = await mkdtemp(join(tmpdir(), 'reachback-test-disk-'));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'tmpfs', folder]);
  } catch (error) {
    await rm(folder, { recursive: true });
    return { why: `a small file system cannot be mounted here: ${String(error).split('\n')[1] ?? String(error)}` };
  }
  const filler = join(folder, 'filler');
  return {
    folder,
    fill: () => fillWith(filler),
    free: () => rm(filler, { force: true }),
    unmount: async () => {
      await run('umount', ['--lazy', folder]);
      await rm(folder, { recursive: true });
    },
  };
};

/** Writes in ever smaller pieces, to the last page. */
const fillWith = async (path: string): Promise<void> => {
  const file = await open(path, 'a');
  try {
    for (const size of [1 << 20, 1 << 12]) {
      const piece = Buffer.alloc(size);
      for (;;) {
        const isFull = await file.appendFile(piece).then(
          () => false,
          () => true,
        );
        if (isFull) break;
      }
    }
  } finally {
    await file.close();
  }
};
