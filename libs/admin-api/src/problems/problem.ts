import { errorCatalogue, type ReachbackError } from '#contracts';

/** An error as the body of an answer (RFC 9457). */
export const problemOf = ({ code, message, field }: ReachbackError, requestId: string) => {
  const { status, title } = errorCatalogue[code];
  return { type: 'about:blank', title, status, code, detail: message, requestId, field };
};

/** What an answer with this error says in its headers. */
export const problemHeaders = ({ code, retryAfterSeconds }: ReachbackError): Readonly<Record<string, string>> => ({
  ...(retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) }),
  ...(code === 'unauthorized' ? { 'WWW-Authenticate': 'Bearer' } : {}),
});
