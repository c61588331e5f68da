// `npm test`: all set-up, then formatting, lint, types, and every test. Arguments go to Jest: `npm test -- -t R7`.
import { spawnSync } from 'node:child_process';
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

const run = (what, command, nodeOptions = '') => {
  console.log(`\n${what}`);
  const env = { ...process.env, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} ${nodeOptions}`.trim() };
  return spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit', env }).status === 0;
};

// Whoever asks for some tests wants those alone.
const checks =
  args.length > 0
    ? []
    : [
        run('Formatting', [tool('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.']),
        run('Lint', [tool('eslint/bin/eslint.js'), '.']),
        run('Types', [tool('typescript/bin/tsc'), '-p', 'tsconfig.json', '--noEmit']),
      ];
const jest = [tool('jest/bin/jest.js'), '--json', `--outputFile=${report}`, ...args];
const passed = run('Tests', jest, '--experimental-vm-modules --no-warnings');

try {
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  console.log('');
  for (const line of testResults.flatMap(failuresOf)) console.log(line);
  console.log(`${numPassedTests} passed, ${numFailedTests} failed`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const failedChecks = checks.filter((ok) => !ok).length;
if (failedChecks > 0) console.log(`${failedChecks} of the checks before the tests failed; see above`);
process.exit(passed && failedChecks === 0 ? 0 : 1);
