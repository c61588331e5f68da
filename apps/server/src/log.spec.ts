import { afterEach, expect, test } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/** As it is built: a module of its own, for a process of its own. */
const log = new URL('../../../dist/apps/server/src/log.js', import.meta.url);

/** Logs three lines and ends with 3, as soon as it is told to. */
const program = `
  import { exit, openLog } from '${log.href}';
  const log = openLog('info');
  process.stdin.once('data', () => {
    for (const line of ['one', 'two', 'three']) log.info(line);
    void exit(3);
  });
`;

let child: ChildProcess | undefined;
afterEach(() => void child?.kill('SIGKILL'));

const start = () => {
  const started = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child = started;
  return started;
};

test('a process ends after what it has logged last is written', async () => {
  const { stdout, stdin } = start();
  stdin.write('end');
  const lines = (await text(stdout)).trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['one', 'two', 'three']);
});

test('a process ends where nobody reads any more what it logs', async () => {
  const started = start();
  const exited = once(started, 'exit');
  started.stdout.destroy();
  await once(started.stdout, 'close');
  started.stdin.write('end');
  expect(await exited).toEqual([3, null]);
});
