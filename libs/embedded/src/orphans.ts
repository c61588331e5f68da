import { readFile } from 'node:fs/promises';
import { codeOf } from './failure.js';

/** The process in a pid file (its first line), if it runs and is the program named. */
export const runningProcess = async (pidFile: string, program: string): Promise<number | undefined> => {
  const text = await readFile(pidFile, 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  const command = await commandOf(pid);
  return command?.includes(program) ? pid : undefined;
};

const commandOf = async (pid: number): Promise<string | undefined> => {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) !== 'EPERM') return undefined;
  }
  // Where there is no /proc, a process with this number is taken at its word.
  if (process.platform !== 'linux') return 'postgres nats-server node';
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  // A zombie has no command line any more.
  return line === undefined || line === '' ? undefined : line.replaceAll('\0', ' ');
};

/**
 * Ends a server that outlived the process which started it (that was killed), so that its data can be used again. To
 * be called by the holder of the data folder's lock only.
 */
export const endOrphan = async (pidFile: string, program: string, signal: 'SIGINT' | 'SIGTERM'): Promise<void> => {
  const deadline = Date.now() + 20_000;
  for (let asked = false; ; asked = true) {
    const pid = await runningProcess(pidFile, program);
    if (pid === undefined) return;
    if (!asked) process.kill(pid, signal);
    else if (Date.now() > deadline) process.kill(pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};
