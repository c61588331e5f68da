import { execFile } from 'node:child_process';
import { chown, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { SetupError } from './failure.js';

const run = promisify(execFile);

/** `nobody` on Debian: owns nothing, and exists in every container. */
const nobody = 65_534;

/** How to run a program that refuses to run as root: put before its command line, and who owns its files then. */
export type RunAs = { readonly prefix: readonly string[]; readonly own: (path: string) => Promise<void> };

const asOurselves: RunAs = { prefix: [], own: async () => undefined };

/**
 * Postgres refuses to run as root, so root runs it as `nobody`. Where the way to the programs or to the data leads
 * through folders closed to others (a clone under /root), that process keeps one ability of root, to pass them.
 *
 * @throws {SetupError} when root has no `setpriv`
 */
export const runAsOther = async (paths: readonly string[]): Promise<RunAs> => {
  if (process.getuid?.() !== 0) return asOurselves;
  await run('setpriv', ['--version']).catch(() => {
    throw new SetupError(
      'Postgres does not run as root, and `setpriv` (package util-linux) is missing. Install it, or run as an ordinary user.',
    );
  });
  const isOpen = (await Promise.all(paths.map(isPassable))).every(Boolean);
  const abilities = isOpen ? [] : ['--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  return {
    prefix: ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', ...abilities, '--'],
    own: (path) => chown(path, nobody, nobody),
  };
};

const isPassable = async (path: string): Promise<boolean> => {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const { mode } = await stat(folder);
    if ((mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
};
