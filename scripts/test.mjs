// `npm test`: all set-up, then formatting, lint, types, and every test. Arguments go to Jest: `npm test -- -t R7`.
import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
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

/** Runs tests; what came of them, as Jest reports it. */
const runTests = async (...args) => {
  const report = join(folder, `${randomUUID()}.json`);
  const jest = [tool('jest/bin/jest.js'), '--json', `--outputFile=${report}`, ...args];
  const { passed } = await run('Tests', jest, { nodeOptions: '--experimental-vm-modules --no-warnings' });
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const failed = testResults.filter(({ status }) => status === 'failed');
  return { passed, failed, counts: [numPassedTests, numFailedTests] };
};

/** So many files at most: when more of them fail, it is not for want of a processor. */
const mostAgain = 3;

/**
 * Real brokers, databases and killed servers beside each other wait for a small machine longer than some test is ready to.
 * The files that failed are tried once more with the machine to themselves, and what passes only then is said to be flaky.
 */
const tryAgainAlone = async (first) => {
  if (args.length > 0 || first.failed.length === 0 || first.failed.length > mostAgain) return first;
  const lines = first.failed.flatMap(failuresOf);
  console.log(`\nOnce more, alone\n${lines.join('\n')}`);
  const second = await runTests('--runInBand', '--runTestsByPath', ...first.failed.map(({ name }) => name));
  const again = second.failed.flatMap(failuresOf);
  for (const line of lines) {
    if (!again.includes(line)) console.log(line.replace('FAILED', 'FLAKY (passed alone; please report it)'));
  }
  const passedBefore = first.failed.reduce((sum, { assertionResults }) => {
    return sum + assertionResults.filter(({ status }) => status === 'passed').length;
  }, 0);
  const [passed, failed] = second.counts;
  return { ...second, counts: [first.counts[0] - passedBefore + passed, failed] };
};

console.log('\nTests');
let tests;
try {
  tests = await tryAgainAlone(await runTests(...args));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log('');
for (const line of tests.failed.flatMap(failuresOf)) console.log(line);
console.log(`${tests.counts[0]} passed, ${tests.counts[1]} failed`);
const failedChecks = checks.filter(({ passed }) => !passed).length;
if (failedChecks > 0) console.log(`${failedChecks} of the checks before the tests failed; see above`);
process.exit(tests.passed && failedChecks === 0 ? 0 : 1);
