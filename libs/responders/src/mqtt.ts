import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { subjects } from '#contracts';

/** The broker sets it on what comes over MQTT. */
const mqttHeader = 'Nmqtt-Pub';

const replySubjectOf = (subject: string): string => {
  const [, , clientId = '', kind = ''] = subject.split('.');
  return subjects.mqttReply(clientId, kind);
};

/**
 * Whether a message is answered over MQTT. Who asks over NATS cannot have that: the reply subject is then the broker's, or
 * there is none, and the answer goes where only MQTT is spoken.
 */
export const isFromMqtt = ({ reply, subject }: Pick<Msg, 'reply' | 'subject'>): boolean =>
  reply === replySubjectOf(subject);

/**
 * A message with a way to answer it: MQTT 3.1.1 has no reply subjects, so a client hears all its answers on a topic of its
 * own. The client and the kind are those of the subject it was let publish to, so nobody can lead an answer elsewhere.
 */
export const answerable = (nats: Pick<NatsConnection, 'publish'>, message: Msg): Msg => {
  if (message.reply || !message.headers?.has(mqttHeader)) return message;
  const reply = replySubjectOf(message.subject);
  const { subject, sid, data, headers } = message;
  return {
    subject,
    sid,
    data,
    reply,
    headers,
    json: (reviver) => message.json(reviver),
    string: () => message.string(),
    respond: (payload, options) => {
      nats.publish(reply, payload, options);
      return true;
    },
  };
};
