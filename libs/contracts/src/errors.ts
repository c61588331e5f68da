/** Every error that Reachback answers with, over NATS and over REST: its HTTP status and what it means. */
export const errorCatalogue = {
  bad_json: { status: 400, title: 'The payload is not JSON that can be stored' },
  bad_request: { status: 400, title: 'A field has the wrong type or value' },
  bad_client_id: { status: 400, title: 'A client id is 1 to 64 characters of A-Z a-z 0-9 _ -' },
  bad_subject: { status: 400, title: 'A subject is reachback.v1.<clientId>.<kind>' },
  spoofed: { status: 400, title: 'This is an answer that was led astray, not something that a client sent' },
  policy_out_of_range: { status: 422, title: 'A policy value is outside its limits' },
  unauthorized: { status: 401, title: 'The administrator key is missing or wrong' },
  forbidden: { status: 403, title: 'The administrator key does not allow this' },
  enrolment_token_invalid: { status: 401, title: 'The enrolment token is unknown, expired or used up' },
  enrolment_refused: { status: 403, title: 'An administrator refused this enrolment, or revoked this key' },
  not_registered: { status: 404, title: 'No client with this id is registered' },
  not_found: { status: 404, title: 'There is nothing at this address' },
  method_not_allowed: { status: 405, title: 'This address has no such method' },
  conflict: { status: 409, title: 'It exists already, or has just changed' },
  client_id_taken: { status: 409, title: 'Another key has a valid credential for this client id' },
  copied: { status: 409, title: 'Two machines speak as this client, and this one is not served' },
  open_broker: { status: 409, title: 'The broker lets everybody in; there are no credentials to give' },
  precondition_failed: { status: 412, title: 'The settings have changed since they were read' },
  too_large: { status: 413, title: 'The payload is too large' },
  unsupported_media_type: { status: 415, title: 'Send application/json' },
  headers_too_large: { status: 431, title: 'The head of the request is too large' },
  too_slow: { status: 408, title: 'The request did not arrive in time' },
  too_many_failures: { status: 429, title: 'Too many wrong keys came from this address; it has to wait' },
  rate_limited: { status: 429, title: 'This client sends too much; the others are not slowed by it' },
  idempotency_mismatch: { status: 422, title: 'The Idempotency-Key was used for another request' },
  internal: { status: 500, title: 'Something failed on the server; it is in its log' },
  disk_full: { status: 507, title: 'The database of the server has no room left on its disk' },
  unavailable: { status: 503, title: 'A part of the server is away; try again' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof errorCatalogue;

/** An error with a stable code out of {@link errorCatalogue}; its message tells the reader what to do next. */
export class ReachbackError extends Error {
  override readonly name = 'ReachbackError';

  constructor(
    readonly code: ErrorCode,
    message: string = errorCatalogue[code].title,
    /** Seconds after which it is worth trying again. */
    readonly retryAfterSeconds?: number,
    /** The field that is wrong, as a path. */
    readonly field?: string,
  ) {
    super(message);
  }
}
