import type { NotifierObserver } from '#notifier';
import type { AnsweredRequest } from '#responders';
import type { HttpObserver, Refusal } from '#admin-api';
import { notifySchema, requestKinds } from '#contracts';
import { type Define, durations } from './define.js';

/** Agents' requests. */
export const requestMetrics = ({ counter, histogram }: Define) => {
  const requests = counter('requests_total', 'Agents’ requests by outcome: ok, or the code of the error.', [
    'kind',
    'outcome',
  ]);
  const seconds = histogram('request_duration_seconds', 'From the arrival of a request to its answer.', durations, [
    'kind',
  ]);
  for (const kind of requestKinds) requests.inc({ kind, outcome: 'ok' }, 0);
  return {
    answered: ({ kind, outcome, seconds: took }: AnsweredRequest): void => {
      requests.inc({ kind, outcome });
      seconds.observe({ kind }, took);
    },
  };
};

/** What becomes of agents' credentials. */
export const credentialMetrics = ({ counter }: Define) => {
  const suspended = counter('credentials_suspended_total', 'Credentials shut out for too many connections.');
  return { suspended: (): void => suspended.inc() };
};

/** What direct clients are asked. */
export const notifierMetrics = ({ counter }: Define): NotifierObserver => {
  const asked = counter('notifications_asked_total', 'Questions sent to direct clients.', ['reason']);
  const settled = counter('notifications_settled_total', 'What became of the questions to direct clients.', [
    'reason',
    'outcome',
  ]);
  for (const reason of notifySchema.shape.reason.options) asked.inc({ reason }, 0);
  return {
    asked: (reason) => asked.inc({ reason }),
    settled: (reason, outcome) => settled.inc({ reason, outcome }),
  };
};

const refusals: readonly Refusal[] = ['missing', 'wrong', 'locked'];

/** Administrators' requests, by route rather than path, so that their number is bounded. */
export const httpMetrics = ({ counter, histogram }: Define): HttpObserver => {
  const requests = counter('http_requests_total', 'Requests to the REST API.', ['method', 'route', 'status']);
  const seconds = histogram('http_request_duration_seconds', 'How long requests to the REST API took.', durations, [
    'method',
    'route',
  ]);
  const refused = counter('http_refused_total', 'Requests without a right administrator key, by why.', ['reason']);
  for (const reason of refusals) refused.inc({ reason }, 0);
  return {
    refused: (reason) => refused.inc({ reason }),
    answered: ({ method, route, status, seconds: took }) => {
      requests.inc({ method, route, status });
      seconds.observe({ method, route }, took);
    },
  };
};
