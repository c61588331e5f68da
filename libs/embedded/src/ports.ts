import { createServer } from 'node:net';
import { messageOf, SetupError } from './failure.js';

/** Whether a port of the loopback interface can be listened on. */
export const isPortFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });

/** The first free port from `preferred` on, the ones in `taken` left out. */
export const nextFreePort = async (preferred: number, taken: ReadonlySet<number> = new Set()): Promise<number> => {
  for (let port = preferred; port < 65_536; port++) {
    if (!taken.has(port) && (await isPortFree(port))) return port;
  }
  throw new Error(`No port from ${preferred} on is free.`);
};

/** Somebody else listens on the port: also one who came between our look at it and our own attempt. */
export class PortTakenError extends SetupError {}

/** What a server says of a port that it could not have, as the error that it is. */
export const asPortTaken = (error: unknown): never => {
  const words = messageOf(error);
  throw /address already in use/i.test(words) ? new PortTakenError(words) : error;
};

/** Starts a server at the first port from `preferred` on that it can have, the ones in `taken` left out. */
export const onFreePort = async <T>(
  preferred: number,
  taken: ReadonlySet<number>,
  start: (port: number) => Promise<T>,
): Promise<T> => {
  for (let from = preferred; ;) {
    const port = await nextFreePort(from, taken);
    try {
      return await start(port);
    } catch (error) {
      if (!(error instanceof PortTakenError)) throw error;
      from = port + 1;
    }
  }
};

/** Below the ports that the system gives to whoever asks for any, and above those that have a name. */
const testPorts = { first: 12_000, ofEach: 1_000, workers: 16 } as const;
let handedOut = 0;

/**
 * Some free port, for tests. Those that run at once have ports of their own, or one would take what another has only
 * just found free.
 */
export const anyFreePort = (): Promise<number> => {
  const { first, ofEach, workers } = testPorts;
  const worker = Number(process.env['JEST_WORKER_ID'] ?? 0) % workers;
  handedOut ||= process.pid % (ofEach / 2);
  return nextFreePort(first + worker * ofEach + (handedOut++ % ofEach));
};
