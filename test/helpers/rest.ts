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

/** Speaks to the REST API as an administrator; `get` fails on anything but 200. */
export const restClient = ({ url, key }: { readonly url: string; readonly key: string }): RestClient => {
  const send = async <T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<RestAnswer<T>> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: (text ? JSON.parse(text) : undefined) as T };
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
