import { webRequest } from '#tls';

/** An answer of the REST API. */
export type RestAnswer<T = unknown> = { readonly status: number; readonly headers: Headers; readonly body: T };

export type RestClient = {
  readonly get: <T>(path: string) => Promise<T>;
  readonly send: <T>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<RestAnswer<T>>;
};

export type RestOptions = {
  readonly url: string;
  readonly key: string;
  /** Whom to trust, as PEM, where the system does not. */
  readonly ca?: string | undefined;
};

/** Speaks to the REST API as an administrator; `get` fails on anything but 200. */
export const restClient = ({ url, key, ca }: RestOptions): RestClient => {
  const send = async <T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<RestAnswer<T>> => {
    const request = {
      method,
      headers: {
        Authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    };
    const answer =
      ca === undefined
        ? await read(fetch(`${url}${path}`, request))
        : await webRequest(`${url}${path}`, { ...request, ca });
    const { status, headers: answered, text } = answer;
    return { status, headers: answered, body: (text ? JSON.parse(text) : undefined) as T };
  };
  return {
    send,
    get: async <T>(path: string) => {
      const { status, body } = await send<T>('GET', path);
      if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${JSON.stringify(body)}`);
      return body;
    },
  };
};

const read = async (asked: Promise<Response>) => {
  const response = await asked;
  return { status: response.status, headers: response.headers, text: await response.text() };
};
