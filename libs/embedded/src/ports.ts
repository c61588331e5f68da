import { createServer } from 'node:net';

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

/** Some free port, for tests. */
export const anyFreePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen({ port: 0, host: '127.0.0.1' }, () => {
      const address = probe.address();
      probe.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
