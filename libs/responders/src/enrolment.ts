import type { Msg, Subscription } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import {
  enrolRequestSchema,
  parsePayload,
  ReachbackError,
  renewRequestSchema,
  subjects,
  validateWith,
} from '#contracts';
import { enrol, type EnrolmentContext, renew } from '#enrolment';
import { isConnectionError, isDiskFull } from '#event-log';
import { isFromMqtt } from './mqtt.js';
import { assertRequest, correlationOf, respond } from './request.js';
import type { RequestLimiter } from './request-limiter.js';

export type EnrolmentListenerOptions = {
  /** Undefined where the broker lets everybody in: who asks for a credential hears that he needs none. */
  readonly enrolment: EnrolmentContext | undefined;
  readonly listen: (subject: string, handle: (message: Msg) => void) => Subscription;
  readonly limiter: RequestLimiter;
  /** Counts and answers what is not taken. */
  readonly reject: (message: Msg, error: ReachbackError, correlation: string) => void;
  readonly log: Logger;
};

/**
 * Answers who presents a token of enrolment, and clients that renew their credential. That a renewal comes from the
 * client in its subject, and an enrolment from a bearer of the token in its subject, is the broker's word.
 */
export const listenForEnrolment = ({ enrolment, listen, limiter, reject, log }: EnrolmentListenerOptions) => {
  const running = new Set<Promise<void>>();
  const answer =
    (tokenIndex: number, serve: (context: EnrolmentContext, message: Msg, correlation: string) => Promise<object>) =>
    (message: Msg): void => {
      const correlation = correlationOf(message);
      const serving = async (): Promise<void> => {
        try {
          assertRequest(message);
          limiter.assertAdmitted(message.subject.split('.')[tokenIndex] ?? '');
          if (!enrolment) throw new ReachbackError('open_broker');
          respond(message, await serve(enrolment, message, correlation));
        } catch (error) {
          reject(message, toError(error, log, correlation), correlation);
        }
      };
      const one = serving().finally(() => running.delete(one));
      running.add(one);
    };
  return {
    subscriptions: [
      listen(subjects.allEnrolments, answer(3, serveEnrolment)),
      listen(subjects.allRenewals, answer(2, serveRenewal)),
    ],
    idle: () => Promise.all(running),
  };
};

const serveEnrolment = (context: EnrolmentContext, message: Msg, correlation: string) => {
  const request = validateWith(enrolRequestSchema, parsePayload(message.data));
  // The broker has checked the token in the subject; another one in the payload has not been let in by itself.
  if (!request.token.startsWith(`${message.subject.split('.')[3]}.`))
    throw new ReachbackError('enrolment_token_invalid');
  return enrol(context, { ...request, address: null, correlation });
};

const serveRenewal = (context: EnrolmentContext, message: Msg, correlation: string) => {
  const { publicKey } = validateWith(renewRequestSchema, parsePayload(message.data));
  const clientId = message.subject.split('.')[2] ?? '';
  return renew(context, { clientId, publicKey, correlation, isForMqtt: isFromMqtt(message) });
};

const toError = (error: unknown, log: Logger, correlation: string): ReachbackError => {
  if (error instanceof ReachbackError) return error;
  if (isConnectionError(error)) return new ReachbackError('unavailable', 'The database is away; try again.', 5);
  if (isDiskFull(error)) return new ReachbackError('disk_full', undefined, 30);
  log.error({ error, correlation }, 'a request failed');
  return new ReachbackError('internal');
};
