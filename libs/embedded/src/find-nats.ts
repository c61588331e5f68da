import { execFile } from 'node:child_process';
import { access, chmod, constants, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { messageOf, SetupError } from './failure.js';

const run = promisify(execFile);

/** Where programs are that a user's PATH may leave out. */
const usualFolders = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/usr/bin', '/opt/homebrew/bin'];

const isProgram = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

/**
 * The `nats-server` of this machine: from PATH, or one that was fetched before, or else fetched now from Debian's
 * packages into this installation's own cache. That needs no root and changes nothing on the system; above all it
 * starts no service on the broker's port, as installing the package would.
 *
 * @throws {SetupError} when there is none and none can be had
 */
export const findNatsServer = async (say: (message: string) => void = () => undefined): Promise<string> => {
  const cached = join(cacheFolder(), 'nats-server');
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...usualFolders].filter(Boolean);
  for (const candidate of [...folders.map((folder) => join(folder, 'nats-server')), cached]) {
    if (await isProgram(candidate)) return candidate;
  }
  say('nats-server is not on this machine; fetching it from Debian’s packages');
  await fetchFromDebian(cached);
  return cached;
};

/** In `node_modules`, which is this installation's own and is not committed. */
const cacheFolder = (): string => {
  const here = fileURLToPath(import.meta.url);
  const root = here.slice(0, here.lastIndexOf(here.includes('/dist/') ? '/dist/' : '/libs/'));
  return join(root, 'node_modules', '.cache', 'reachback');
};

const fetchFromDebian = async (target: string): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'reachback-nats-'));
  try {
    await download(folder);
    const archive = (await readdir(folder)).find((file) => file.endsWith('.deb'));
    if (!archive) throw new Error('apt-get downloaded nothing.');
    await run('dpkg-deb', ['-x', join(folder, archive), join(folder, 'unpacked')]);
    await mkdir(dirname(target), { recursive: true });
    // Beside its place first: a half-copied program must never be found.
    const copy = `${target}.${process.pid}`;
    await run('cp', [join(folder, 'unpacked', 'usr', 'sbin', 'nats-server'), copy]);
    await chmod(copy, 0o755);
    await rename(copy, target);
  } catch (error) {
    throw new SetupError(
      'There is no nats-server, and it could not be fetched with apt-get. Install it (Debian and Ubuntu: ' +
        '`apt-get install nats-server`; macOS: `brew install nats-server`; else from https://nats.io/download) so that ' +
        `it is on PATH, or set REACHBACK_NATS_URL to a broker of yours. ${reasonOf(error)}`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** With the system's package lists if they name it; else with lists of our own, which takes a few seconds more. */
const download = async (folder: string): Promise<void> => {
  try {
    await run('apt-get', ['download', 'nats-server'], { cwd: folder, timeout: 120_000 });
  } catch {
    await Promise.all(
      ['lists/partial', 'archives/partial'].map((part) => mkdir(join(folder, part), { recursive: true })),
    );
    const options = [
      `Dir::State::Lists "${join(folder, 'lists')}";`,
      `Dir::Cache "${folder}";`,
      `Dir::Cache::archives "${join(folder, 'archives')}";`,
      `APT::Sandbox::User "${process.getuid?.() === 0 ? 'root' : ''}";`,
    ];
    const config = join(folder, 'apt.conf');
    await writeFile(config, options.join('\n'));
    const env = { ...process.env, APT_CONFIG: config };
    await run('apt-get', ['update', '-q'], { env, timeout: 240_000 });
    await run('apt-get', ['download', 'nats-server'], { env, cwd: folder, timeout: 120_000 });
  }
};

const reasonOf = (error: unknown): string => {
  const words = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
  return (words.trim() || messageOf(error)).split('\n').at(-1) ?? '';
};
