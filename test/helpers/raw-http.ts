import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What came back over a connection, and how long it stayed open, in milliseconds. */
export type RawAnswer = { readonly text: string; readonly status: number; readonly openFor: number };

/**
 * Opens a connection, writes what it is given, one part after another with a pause between, and waits until the server
 * ends it.
 *
 * @param pause in milliseconds
 */
export const rawHttp = async (url: string, parts: Iterable<string>, pause = 0): Promise<RawAnswer> => {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const began = Date.now();
  let text = '';
  let isOpen = true;
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('data', (data) => (text += data.toString('latin1')));
  // A server that ends a connection while we write resets it.
  socket.on('error', () => undefined);
  void closed.then(() => (isOpen = false));
  for (const part of parts) {
    if (!isOpen) break;
    socket.write(part);
    if (pause > 0) await sleep(pause);
  }
  await closed;
  return { text, status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), openFor: Date.now() - began };
};

/** The same part over and over. */
export function* endlessly(first: string, part: string): Generator<string> {
  yield first;
  for (;;) yield part;
}
