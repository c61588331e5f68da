import { once } from 'node:events';

/** Stops what start.mjs started, and waits until what tests have left behind is ended. */
export default async () => {
  await globalThis.reachbackTestPostgres?.stop();
  const undertaker = globalThis.reachbackUndertaker;
  if (!undertaker || undertaker.exitCode !== null) return;
  // Nothing else may keep this process from ending, and then nobody writes down how the tests went.
  undertaker.ref();
  undertaker.stdin.end();
  await once(undertaker, 'exit');
};
