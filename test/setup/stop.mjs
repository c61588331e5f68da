import { once } from 'node:events';

/** Stops what start.mjs started, and waits until what tests have left behind is ended. */
export default async () => {
  await globalThis.reachbackTestPostgres?.stop();
  const undertaker = globalThis.reachbackUndertaker;
  if (!undertaker || undertaker.exitCode !== null) return;
  undertaker.stdin.end();
  await once(undertaker, 'exit');
};
