// `npm test`: all set-up, then formatting, lint, types, and every test. Arguments go to Jest: `npm test -- -t R7`.
import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { root, setUp } from './setup.mjs';

setUp();

/** What failed in a file, a line each: a file that could not be run has no test to name. */
const failuresOf = ({ name, status, message, assertionResults }) => {
  const file = relative(root, name);
  const failed = assertionResults.filter(({ status }) => status === 'failed');
  if (status === 'failed' && failed.length === 0) return [`FAILED ${file}: ${message.trim().split('\n')[0]}`];
  return failed.map(({ fullName }) => `FAILED ${file}: ${fullName}`);
};

const tool = (path) => join(root, 'node_modules', path);
const args = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'reachback-test-run-'));
const report = join(folder, 'report.json');

const run = async (what, command, { stdio = 'inherit', nodeOptions = '' } = {}) => {
  const env = { ...process.env, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} ${nodeOptions}`.trim() };
  const child = spawn(process.execPath, command, { cwd: root, stdio, env });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (part) => said.push(part));
  const [code] = await once(child, 'close');
  return { what, passed: code === 0, said: Buffer.concat(said).toString() };
};

/** One after the other they would leave a core idle. */
const check = async (...running) => {
  const results = await Promise.all(running);
  for (const { what, passed, said } of results) console.log(`${what}: ${passed ? 'passed' : 'FAILED'}\n${said}`.trim());
  return results;
};

// Whoever asks for some tests wants those alone.
const quietly = { stdio: 'pipe' };
if (args.length === 0) console.log('\nFormatting, lint and types …');
const checks =
  args.length > 0
    ? []
    : await check(
        run('Formatting', [tool('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.'], quietly),
        run('Lint', [tool('eslint/bin/eslint.js'), '.'], quietly),
        run('Types', [tool('typescript/bin/tsc'), '-p', 'tsconfig.json', '--noEmit'], quietly),
      );
console.log('\nTests');
const jest = [tool('jest/bin/jest.js'), '--json', `--outputFile=${report}`, ...args];
const { passed } = await run('Tests', jest, { nodeOptions: '--experimental-vm-modules --no-warnings' });

try {
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  console.log('');
  for (const line of testResults.flatMap(failuresOf)) console.log(line);
  console.log(`${numPassedTests} passed, ${numFailedTests} failed`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const failedChecks = checks.filter(({ passed }) => !passed).length;
if (failedChecks > 0) console.log(`${failedChecks} of the checks before the tests failed; see above`);
process.exit(passed && failedChecks === 0 ? 0 : 1);
