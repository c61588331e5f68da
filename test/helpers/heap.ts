import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import type { ServerProcess } from './server-process.js';

/** What a process holds after a collection, in bytes: objects, and the buffers that they own outside the heap. */
export type Held = { readonly heap: number; readonly buffers: number };

const answerer = pathToFileURL(join(import.meta.dirname, 'heap-main.mjs')).href;

/** For a server that can be asked what it holds. */
export const askable: readonly string[] = ['--expose-gc', '--import', answerer];

/** Has a server collect its garbage, and says what is left. One at a time; it must have been started with `askable`. */
export const heldBy = async ({ process: child }: Pick<ServerProcess, 'process'>): Promise<Held> => {
  const answer = once(child, 'message', { signal: AbortSignal.timeout(60_000) });
  child.send('collect');
  const [held] = (await answer) as [Held];
  return held;
};
