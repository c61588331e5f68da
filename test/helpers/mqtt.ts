import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { randomBytes } from 'node:crypto';
import { until } from './conditions.js';

/** A client over MQTT, with all that it has heard. */
export type MqttAgent = {
  readonly client: MqttClient;
  readonly heard: { readonly topic: string; readonly text: string; readonly retain: boolean }[];
  readonly publish: (kind: string, payload?: string, options?: { qos?: 0 | 1 | 2; retain?: boolean }) => Promise<void>;
  /** A request; its answer. */
  readonly request: <T = object>(kind: string, payload?: string) => Promise<T>;
  readonly end: () => Promise<void>;
};

/** Connects as the client of a password that the server issued; rejects when the broker does not let it in. */
export const connectMqtt = async (
  port: number,
  id: string,
  password: string,
  options: IClientOptions = {},
): Promise<MqttAgent> => {
  const client = mqtt.connect(`${options.protocol ?? 'mqtt'}://127.0.0.1:${port}`, {
    username: id,
    password,
    clientId: '',
    clean: true,
    protocolVersion: 4,
    reconnectPeriod: 0,
    ...options,
  });
  const heard: MqttAgent['heard'] = [];
  client.on('message', (topic, payload, { retain }) => void heard.push({ topic, text: payload.toString(), retain }));
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve());
    client.once('error', reject);
    client.once('close', () => reject(new Error('the broker closed the connection')));
  });
  // Later ones are seen in whether it is connected.
  client.on('error', () => undefined);
  const publish: MqttAgent['publish'] = async (kind, payload = '', sending = {}) => {
    await client.publishAsync(`reachback/v1/${id}/${kind}`, payload, sending);
  };
  return {
    client,
    heard,
    publish,
    request: async <T>(kind: string, payload = '') => {
      const topic = `reachback/reply/v1/${id}/${kind}`;
      await client.subscribeAsync(topic, { qos: 0 });
      const before = heard.length;
      await publish(kind, payload);
      const answer = await until(() => heard.slice(before).find((one) => one.topic === topic));
      return JSON.parse(answer?.text ?? '') as T;
    },
    end: () => client.endAsync(true),
  };
};

/** What a device makes itself, instead of a key pair. */
export const makeSecret = (): string => randomBytes(32).toString('hex');
