import { ReachbackError } from '#contracts';
import type { EnrolmentContext } from '#enrolment';
import type { ApiContext } from '../context.js';

/** @throws {ReachbackError} `open_broker` */
export const enrolmentOf = ({ enrolment }: ApiContext): EnrolmentContext => {
  if (!enrolment) throw new ReachbackError('open_broker');
  return enrolment;
};
