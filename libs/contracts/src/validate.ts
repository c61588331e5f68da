import type { z } from 'zod';
import { ReachbackError } from './errors.js';

/**
 * What an agent sent, by a schema.
 *
 * @throws {ReachbackError} `bad_request`, naming the field
 */
export const validateWith = <T>(schema: z.ZodType<T>, value: unknown): T => {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue?.path.join('.') ?? '';
  const message = `${field || 'The payload'}: ${issue?.message ?? 'is not valid'}`;
  throw new ReachbackError('bad_request', message, undefined, field);
};
