import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { endOrphan, runningProcess } from './orphans.js';

/** Names the folder in which a test run notes what its tests have started; set by the run's set-up. */
export const testProcessesVariable = 'REACHBACK_TEST_PROCESSES';

/**
 * Notes a process by its id and something in its command line, so that it does not outlive the run whatever becomes of
 * its test.
 */
export const noteTestProcess = async (
  pid: number | undefined,
  program: string,
  folder = process.env[testProcessesVariable],
): Promise<void> => {
  if (!folder || pid === undefined) return;
  await writeFile(join(folder, String(pid)), `${pid}\n${program}\n`);
};

/** Ends those noted in a folder that still run, with SIGKILL what takes too long; a line about each of them. */
export const endTestProcesses = async (folder: string): Promise<readonly string[]> => {
  const files = (await readdir(folder)).map((name) => join(folder, name));
  const ended = await Promise.all(
    files.map(async (file) => {
      const [, program = ''] = (await readFile(file, 'utf8')).split('\n');
      const pid = await runningProcess(file, program);
      if (pid === undefined) return [];
      await endOrphan(file, program, 'SIGINT');
      return [`${program} (${pid})`];
    }),
  );
  return ended.flat();
};
