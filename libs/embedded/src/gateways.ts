import type { PairFiles } from '#tls';

/** Ports on loopback at which agents may come in otherwise than over NATS; none that is not given. */
export type Gateways = {
  /** MQTT 3.1.1. */
  readonly mqtt?: number | undefined;
  readonly webSocket?: number | undefined;
};

/** `timeout`: a fleet that comes back at once shakes hands for longer than the usual two seconds. */
export const tlsBlock = ({ cert, key }: PairFiles): string => `tls {
  cert_file: ${JSON.stringify(cert)}
  key_file: ${JSON.stringify(key)}
  timeout: 10
}`;

const mqttBlock = (port: number, tls: PairFiles | undefined): string => `
# MQTT keeps sessions under this name.
server_name: "reachback"
mqtt {
  host: "127.0.0.1"
  port: ${port}
  ${tls ? tlsBlock(tls) : ''}
}
`;

const webSocketBlock = (port: number, tls: PairFiles | undefined): string => `
websocket {
  host: "127.0.0.1"
  port: ${port}
  ${tls ? tlsBlock(tls) : 'no_tls: true'}
}
`;

/** The part of a broker's configuration that opens gateways, by TLS where the broker has a certificate. */
export const gatewayConfiguration = ({ mqtt, webSocket }: Gateways, tls: PairFiles | undefined): string =>
  (mqtt === undefined ? '' : mqttBlock(mqtt, tls)) + (webSocket === undefined ? '' : webSocketBlock(webSocket, tls));
