import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

/** The serial number of the certificate that is shown, whoever may have signed it. */
const serialOf = async (socket: TLSSocket): Promise<string> => {
  await once(socket, 'secureConnect');
  const serial = socket.getPeerX509Certificate()?.serialNumber ?? '';
  socket.destroy();
  return serial;
};

export const servedOverHttps = (url: string): Promise<string> => {
  const { hostname: host, port } = new URL(url);
  return serialOf(connectTls({ host, port: Number(port), rejectUnauthorized: false }));
};

/** A broker introduces itself in the open, and shakes hands then. */
export const servedByBroker = async (url: string): Promise<string> => {
  const { hostname: host, port } = new URL(url);
  const socket = connectTcp({ host, port: Number(port) });
  await once(socket, 'data');
  return serialOf(connectTls({ socket, rejectUnauthorized: false }));
};
