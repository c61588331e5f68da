import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sharedPostgresVariable, startTestPostgres, templateVariable, testProcessesVariable } from '#embedded';
import { migrate, openDatabase } from '#event-log';

const makeTemplate = async (url) => {
  const name = 'template_reachback';
  const admin = openDatabase({ url, connections: 1 });
  await admin`CREATE DATABASE ${admin(name)}`;
  await admin.end();
  const db = openDatabase({ url: Object.assign(new URL(url), { pathname: `/${name}` }).href, connections: 1 });
  await migrate(db);
  await db.end();
  return name;
};

/**
 * One Postgres for the whole run; each test file makes a database of its own in it. And somebody who ends what tests
 * leave behind, also when this process is killed: it waits for the end of its input, which is ours to close.
 */
export default async () => {
  const folder = mkdtempSync(join(tmpdir(), 'reachback-test-processes-'));
  process.env[testProcessesVariable] = folder;
  const undertaker = spawn(process.execPath, [join(import.meta.dirname, 'end-left-behind.mjs'), folder], {
    detached: true,
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  undertaker.unref();
  globalThis.reachbackUndertaker = undertaker;
  const server = await startTestPostgres();
  globalThis.reachbackTestPostgres = server;
  process.env[sharedPostgresVariable] = server.url;
  process.env[templateVariable] = await makeTemplate(server.url);
};
