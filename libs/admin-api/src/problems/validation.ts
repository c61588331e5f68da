import { StandardSchemaValidationPipe } from '@nestjs/common';
import { assertStorable, ReachbackError } from '#contracts';

/** Validates parameters, queries and bodies by the schemas of their routes; the error names the field. */
export class ValidationPipe extends StandardSchemaValidationPipe {
  constructor() {
    super({
      exceptionFactory: ([issue]) => {
        const field = (issue?.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
        const message = issue?.message ?? 'is not valid';
        return new ReachbackError('bad_request', field ? `${field}: ${message}` : message, undefined, field);
      },
    });
  }

  override async transform<T>(
    value: T,
    metadata: Parameters<StandardSchemaValidationPipe['transform']>[1],
  ): Promise<T> {
    // What Postgres cannot store, it cannot compare with either.
    if (metadata.type !== 'custom') assertStorable(value);
    return super.transform(value, metadata);
  }
}
