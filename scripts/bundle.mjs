// The last step of a build: puts the server into one file, and the agent into another, with the packages they use. Node would
// find, read and link each of the server's 1,600 at every start, a third of the time until a killed server is back; and an
// agent starts on machines that have other things to do.
import { build } from 'esbuild';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** These are looked for when they run, and done without; the last two find their own files by where they are. */
const atRunTime = [
  '@nestjs/platform-express',
  '@fastify/multipart',
  '@fastify/view',
  'class-transformer',
  'class-validator',
  '@fastify/static',
  'swagger-ui-dist',
];

/** Nest takes these in at each start where it finds them, as it does where the benchmarks are: with all that they use. */
const absent = {
  name: 'absent',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^@nestjs\/(microservices|websockets)\b/ }, ({ path }) => ({ path, namespace: 'absent' }));
    onLoad({ filter: /.*/, namespace: 'absent' }, ({ path }) => ({
      contents: `throw new Error(${JSON.stringify(`The server does without ${path}.`)});`,
    }));
  },
};

/** What becomes one file, and which: the server and the agent, and the thread in which the server takes in contacts. */
const bundles = [
  { entry: 'dist/apps/server/src/main.js', file: 'dist/apps/server/src/bundle.js' },
  { entry: 'dist/apps/server/src/ingest/thread-main.js', file: 'dist/apps/server/src/ingest-bundle.js' },
  { entry: 'dist/apps/agent/src/main.js', file: 'dist/apps/agent/src/bundle.js' },
];

/**
 * To keep names, esbuild has each function given its name when it is made, closures at every call. Nearly all have it
 * already, and looking costs less: it was 3 % of a busy server's time.
 */
const nameOnlyTheNameless = async (path) => {
  const text = await readFile(path, 'utf8');
  const naming = 'var __name = (target, value) => __defProp(';
  if (!text.includes(naming)) throw new Error(`esbuild no longer names functions by "${naming}".`);
  const looking = naming.replace('=> ', '=> target.name === value ? target : ');
  await writeFile(
    path,
    text.replace(naming, () => looking),
  );
};

const bundle = async ({ entry, file }) => {
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: file,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    // Nest tells classes apart by their names, and a stack shows them.
    keepNames: true,
    sourcemap: 'linked',
    external: atRunTime,
    plugins: [absent],
    // Packages in CommonJS ask for Node's modules by `require`.
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
  await nameOnlyTheNameless(join(root, file));
};

for (const one of bundles) await bundle(one);
