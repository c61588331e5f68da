import type { Gateways } from '#embedded';
import { choosePort } from './choose-port.js';
import { say } from './progress.js';

/** A port asked for by name, or the usual one; undefined where the gateway is not wanted. */
export type AskedPort = number | true | undefined;
export type AskedGateways = { readonly mqtt: AskedPort; readonly webSocket: AskedPort };

const usual = { mqtt: 1883, webSocket: 9222 } as const;

const chooseOne = (asked: AskedPort, variable: string, usualPort: number, taken: Set<number>) =>
  asked === undefined ? undefined : choosePort(asked === true ? undefined : asked, variable, usualPort, taken);

export const chooseGateways = async (asked: AskedGateways, taken: Set<number>): Promise<Gateways> => ({
  mqtt: await chooseOne(asked.mqtt, 'MQTT', usual.mqtt, taken),
  webSocket: await chooseOne(asked.webSocket, 'WebSocket', usual.webSocket, taken),
});

export const sayGateways = ({ mqtt, webSocket }: Gateways, isTls: boolean): void => {
  const secure = isTls ? 's' : '';
  if (mqtt !== undefined) say(`Agents over MQTT: mqtt${secure}://127.0.0.1:${mqtt}`);
  if (webSocket !== undefined) say(`Agents over WebSocket: ws${secure}://127.0.0.1:${webSocket}`);
};
