import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/**
 * A way to a port of this machine by which whoever takes it comes from another address of it. Of the first few connections
 * (`mute`) nothing arrives that is sent by them.
 */
export const startDetour = async (port: number, localAddress: string, mute = 0) => {
  const sockets = new Set<{ destroy: () => void }>();
  let accepted = 0;
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port, localAddress });
    const isMute = ++accepted <= mute;
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      if (!isMute || one === far) one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => sockets.delete(one));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `nats://127.0.0.1:${address.port}`,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};
