/** Ports on loopback at which agents may come in otherwise than over NATS; none that is not given. */
export type Gateways = {
  /** MQTT 3.1.1. */
  readonly mqtt?: number | undefined;
  readonly webSocket?: number | undefined;
};

const mqttBlock = (port: number): string => `
# MQTT keeps sessions under this name.
server_name: "reachback"
mqtt {
  host: "127.0.0.1"
  port: ${port}
}
`;

const webSocketBlock = (port: number): string => `
websocket {
  host: "127.0.0.1"
  port: ${port}
  no_tls: true
}
`;

/** The part of a broker's configuration that opens gateways. */
export const gatewayConfiguration = ({ mqtt, webSocket }: Gateways): string =>
  (mqtt === undefined ? '' : mqttBlock(mqtt)) + (webSocket === undefined ? '' : webSocketBlock(webSocket));
