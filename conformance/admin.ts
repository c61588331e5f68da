/** An answer of the REST API. */
export type Answer<T> = { readonly status: number; readonly headers: Headers; readonly body: T };

/** An administrator: speaks REST to the server under test. */
export type Admin = {
  /** The body of a 200; anything else is an error. */
  readonly get: <T>(path: string) => Promise<T>;
  /** Any answer, whatever its status. */
  readonly send: <T = unknown>(method: string, path: string, body?: unknown) => Promise<Answer<T>>;
  /** The body of a 2xx; anything else is an error that quotes it. */
  readonly change: <T = unknown>(method: string, path: string, body?: unknown) => Promise<T>;
};

const requestTimeout = 30_000;

export const createAdmin = (url: string, key: string): Admin => {
  const send = async <T>(method: string, path: string, body?: unknown): Promise<Answer<T>> => {
    const response = await fetch(new URL(path, url), {
      method,
      signal: AbortSignal.timeout(requestTimeout),
      headers: {
        Authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: (text ? JSON.parse(text) : undefined) as T };
  };
  const change = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const answer = await send<T>(method, path, body);
    if (answer.status >= 200 && answer.status < 300) return answer.body;
    throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  };
  return { send, change, get: (path) => change('GET', path) };
};
