import { type FleetHistoryQuery, ReachbackError } from '#contracts';
import { formatDuration, parseDuration } from '#domain';
import { notAfterNow } from '../past.js';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

const maxPoints = 1_000;
const minStep = 1_000;
/** What to choose a step from when none is given: the shortest that gives no more than `usualPoints`. */
const usualSteps = [minute, 5 * minute, 15 * minute, hour, 6 * hour, day, 7 * day];
const usualPoints = 100;

/**
 * The times that a question about the fleet's history asks for: every `step` from `from` on, up to `to`.
 *
 * @throws {ReachbackError} `bad_request`, naming the field
 */
export const historyTimes = (query: FleetHistoryQuery): readonly Date[] => {
  const to = query.to === undefined ? Date.now() : notAfterNow(query.to).getTime();
  const from = query.from === undefined ? to - day : Date.parse(query.from);
  if (from > to) throw refusal('from', 'must not be after `to`, nor in the future');
  const step = query.step === undefined ? usualStep(to - from) : readStep(query.step);
  const points = Math.floor((to - from) / step) + 1;
  if (points > maxPoints) {
    const enough = formatDuration(Math.ceil((to - from) / (maxPoints - 1) / minStep) * minStep);
    throw refusal('step', `gives ${points} points, and ${maxPoints} at most are answered; take ${enough} or more`);
  }
  return Array.from({ length: points }, (_, i) => new Date(from + i * step));
};

const usualStep = (length: number): number =>
  usualSteps.find((step) => length / step < usualPoints) ?? Math.ceil(length / usualPoints / day) * day;

const readStep = (text: string): number => {
  const step = parseDuration(text);
  if (step === undefined || step < minStep || !Number.isInteger(step)) {
    throw refusal('step', 'must be an ISO 8601 duration of PT1S or more, such as PT15M or P1D');
  }
  return step;
};

const refusal = (field: string, message: string): ReachbackError =>
  new ReachbackError('bad_request', `${field}: ${message}`, undefined, field);
