// `node scripts/run.mjs <command> [arguments]`: sets up what is missing, then runs a command of ours in this process.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, setUp } from './setup.mjs';

const commands = {
  up: { main: 'apps/up/src/main.js', args: [] },
  agent: { main: 'apps/agent/src/bundle.js', args: [] },
  simulate: { main: 'apps/agent/src/bundle.js', args: ['simulate'] },
  server: { main: 'apps/server/src/bundle.js', args: [] },
  keys: { main: 'apps/keys/src/main.js', args: [] },
  'verify-log': { main: 'apps/verify-log/src/main.js', args: [] },
  conformance: { main: 'conformance/main.js', args: [] },
  bench: { main: 'bench/main.js', args: [] },
  soak: { main: 'bench/soak/main.js', args: [] },
};

const [name, ...rest] = process.argv.slice(2);
const command = commands[name];
if (!command) {
  console.error(`There is no command "${name}"; there are ${Object.keys(commands).join(', ')}.`);
  process.exit(2);
}
setUp();
const main = join(root, 'dist', command.main);
process.argv = [process.argv[0], main, ...command.args, ...rest];
await import(pathToFileURL(main).href);
