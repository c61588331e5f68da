import { readdir, readFile } from 'node:fs/promises';

/** What Linux counts CPU time in for programs, whatever the kernel's own tick. */
const microsPerTick = 10_000;

type Stat = { readonly pid: number; readonly parent: number; readonly own: number; readonly ended: number };

/** CPU time in microseconds that a process and its children have used so far; undefined where there is no /proc. */
export const cpuMicros = async (pid: number): Promise<number | undefined> => {
  const own = await readStat(pid);
  if (!own) return undefined;
  const all = await Promise.all(
    (await readdir('/proc'))
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .map(readStat),
  );
  const children = all.filter((stat) => stat?.parent === pid);
  const ticks = children.reduce((sum, stat) => sum + (stat?.own ?? 0), own.own + own.ended);
  return ticks * microsPerTick;
};

/** See proc(5): the name, in parentheses, may hold anything. `ended` is that of children that were waited for. */
const readStat = async (pid: number): Promise<Stat | undefined> => {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [, parent = 0] = fields;
  const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15);
  return { pid, parent, own: utime + stime, ended: cutime + cstime };
};

/** Memory that a process has in RAM, in bytes; undefined where there is no /proc. */
export const residentBytes = async (pid: number): Promise<number | undefined> => {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
};

/** Memory of a process and its children in bytes, what they share counted once; undefined where there is no /proc. */
export const proportionalBytes = async (pid: number): Promise<number | undefined> => {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const children = text.trim().split(' ').filter(Boolean).map(Number);
  const sizes = await Promise.all([pid, ...children].map(readPss));
  return sizes.reduce((sum, size) => sum + size, 0);
};

/** 0 of a process that has ended meanwhile. */
const readPss = async (pid: number): Promise<number> => {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  return Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
};
