import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from './client.js';

const pause = 500;
const attempts = 5;

/** Sends a contact twice a second for some seconds; the longest that the server may not have heard it, in milliseconds. */
export const speakFor = async (client: TestClient, kind: 'heartbeat' | 'poll', seconds: number): Promise<number> => {
  const end = performance.now() + seconds * 1000;
  let longest = 0;
  for (let before = performance.now(); before < end;) {
    await sleep(pause);
    const sending = performance.now();
    await client.ask(kind);
    longest = Math.max(longest, performance.now() - before);
    before = sending;
  }
  return longest;
};

/**
 * Runs what lets clients speak, again if they were silent for too long: then it was the machine of this suite that
 * stalled, and the server did right to put them offline. What the last attempt made.
 */
export const withoutStalls = async <T>(
  allowed: number,
  run: () => Promise<{ readonly silence: number; readonly result: T }>,
): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    const { silence, result } = await run();
    if (silence < allowed || attempt === attempts) return result;
  }
};
