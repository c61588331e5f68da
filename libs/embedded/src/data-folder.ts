import { type FileHandle, link, mkdir, open, readFile, rm, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { codeOf, messageOf, SetupError } from './failure.js';
import { runningProcess } from './orphans.js';

export type DataFolder = { readonly path: string; readonly release: () => Promise<void> };

/**
 * Takes a data folder for this process alone. The lock is a file with our pid, linked into place whole, so that nobody
 * ever reads half of it; one whose process is gone is taken over.
 *
 * @throws {SetupError} when another process uses the folder, or it cannot be made
 */
export const takeDataFolder = async (folder: string): Promise<DataFolder> => {
  const path = resolve(folder);
  const lock = join(path, 'up.pid');
  const draft = join(path, `up.${process.pid}.pid`);
  let file: FileHandle | undefined;
  try {
    await mkdir(path, { recursive: true, mode: 0o711 });
    file = await open(draft, 'w');
    await file.writeFile(String(process.pid));
  } catch (error) {
    throw new SetupError(
      `The data folder ${path} cannot be used (${messageOf(error)}). Set REACHBACK_DATA to one that can.`,
    );
  } finally {
    await file?.close();
  }
  try {
    await takeLock(path, lock, draft);
  } finally {
    await rm(draft, { force: true });
  }
  return { path, release: () => rm(lock, { force: true }) };
};

const takeLock = async (path: string, lock: string, draft: string): Promise<void> => {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      return await link(draft, lock);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const holder = await runningProcess(lock, 'node');
    if (holder !== undefined && holder !== process.pid) {
      throw new SetupError(
        `Reachback is running already on the data folder ${path} (process ${holder}). Stop it first, or set REACHBACK_DATA to another folder.`,
      );
    }
    if (Number.parseInt(await readFile(lock, 'utf8').catch(() => ''), 10) === holder) return;
    await unlink(lock).catch(() => undefined);
  }
  throw new SetupError(`The lock of ${path} changes hands; is another Reachback being started there?`);
};
