// What every command does first: dependencies and build, if they are missing or out of date. Needs nothing but Node.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const installStamp = join(root, 'node_modules', '.reachback-installed');
const buildStamp = join(root, 'dist', '.reachback-built');
const turnFile = join(root, '.reachback-setup.pid');

const fail = (message) => {
  console.error(message);
  process.exit(1);
};

const checkNode = () => {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(
      `Reachback needs Node 20.19 or newer; this is ${process.version}. Install a current one from https://nodejs.org.`,
    );
  }
};

/** Runs a program of ours and shows what it says only if it fails, or if somebody watches. */
const step = (what, command, args, hint) => {
  const start = Date.now();
  console.log(`${what} …`);
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8', env: quietNpm });
  if (status !== 0) {
    fail(`${what} failed: ${[error?.message, stderr, stdout].filter(Boolean).join('\n').trim()}\n${hint}`);
  }
  console.log(`${what}: done in ${((Date.now() - start) / 1000).toFixed(1)} s`);
};

const quietNpm = { ...process.env, npm_config_loglevel: 'error', npm_config_update_notifier: 'false' };

const describeDependencies = () => {
  const hash = createHash('sha256');
  for (const file of ['package.json', 'package-lock.json']) hash.update(readFileSync(join(root, file)));
  return hash.digest('hex');
};

const isInstalled = () => existsSync(installStamp) && readFileSync(installStamp, 'utf8') === describeDependencies();

const install = () => {
  if (isInstalled()) return;
  step('Installing dependencies', 'npm', ['ci'], 'Is the npm registry reachable, and this folder writable?');
  writeFileSync(installStamp, describeDependencies());
};

const newest = (path) => {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return readdirSync(path).reduce((time, name) => Math.max(time, newest(join(path, name))), stat.mtimeMs);
};

const isBuilt = () => {
  const sources = [
    'apps',
    'libs',
    'bench',
    'conformance',
    'test',
    'scripts',
    'tsconfig.json',
    'tsconfig.build.json',
    'node_modules/.reachback-installed',
  ];
  const changed = Math.max(
    ...sources
      .map((name) => join(root, name))
      .filter(existsSync)
      .map(newest),
  );
  return existsSync(buildStamp) && statSync(buildStamp).mtimeMs > changed;
};

/** Types are not checked here, which takes nearly three times as long: `npm test` and `npm run build` do. */
const build = () => {
  if (isBuilt()) return;
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const started = new Date();
  const hint = 'This is a defect of the sources.';
  step('Building', process.execPath, [compiler, '-p', 'tsconfig.build.json', '--noCheck'], hint);
  step('Bundling', process.execPath, [join(root, 'scripts', 'bundle.mjs')], hint);
  mkdirSync(dirname(buildStamp), { recursive: true });
  writeFileSync(buildStamp, started.toISOString());
};

const isRunning = (pid) => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
};

/** Takes the one turn there is; false when another process has it. */
const tryTurn = () => {
  try {
    writeFileSync(turnFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') fail(`This folder cannot be written, and must be set up first: ${error.message}`);
  }
  const holder = Number(existsSync(turnFile) && readFileSync(turnFile, 'utf8'));
  if (holder > 0 && !isRunning(holder)) rmSync(turnFile, { force: true });
  return false;
};

/** Commands that are started at once take turns: npm empties the folder into which another one is installing. */
const inTurn = (work) => {
  for (let told = false; !tryTurn(); told = true) {
    if (!told) console.log('Waiting for another command that sets this folder up …');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  const release = () => rmSync(turnFile, { force: true });
  process.once('exit', release);
  work();
  process.off('exit', release);
  release();
};

export const setUp = () => {
  checkNode();
  if (isInstalled() && isBuilt()) return;
  inTurn(() => {
    install();
    build();
  });
};
