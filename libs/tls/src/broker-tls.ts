import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';

/** What a connection to a broker needs to know of its certificate. */
export type BrokerTrust = {
  /** A file with the certificates of the authorities that are trusted; those of the system without it. */
  readonly ca?: string | undefined;
  /** The name in the broker's certificate, where that is not the one in its address. */
  readonly name?: string | undefined;
};

/** Options of the NATS client, of which its type names the first alone; it hands all of them on to Node. */
export type BrokerTls = {
  readonly caFile?: string;
  readonly checkServerIdentity?: (host: string, certificate: PeerCertificate) => Error | undefined;
};

/**
 * How the NATS client is to connect: with TLS or not at all, when the address says `tls://` or an authority is named; a
 * broker without it is then refused, and so is whoever answers in its place. Undefined for other addresses. The file of
 * authorities is read again with each connection.
 *
 * The name is checked here where the client would check `localhost` instead: for addresses that are no names (3.4.0).
 */
export const brokerTls = (server: string, { ca, name }: BrokerTrust = {}): { readonly tls?: BrokerTls } => {
  if (!server.startsWith('tls://') && ca === undefined) return {};
  const host = name ?? ipOf(server);
  return {
    tls: {
      ...(ca === undefined ? {} : { caFile: ca }),
      ...(host === undefined
        ? {}
        : { checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate) }),
    },
  };
};

const ipOf = (server: string): string | undefined => {
  const url = server.includes('://') ? server : `nats://${server}`;
  if (!URL.canParse(url)) return undefined;
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  return isIP(host) > 0 ? host : undefined;
};
