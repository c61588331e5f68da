import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';

export type WebRequest = {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Certificates of the authorities that are trusted, as PEM; those of the system without it. */
  readonly ca?: string | undefined;
  /** The name in the server's certificate, where that is not the one in the address. */
  readonly name?: string | undefined;
};

export type WebAnswer = { readonly status: number; readonly headers: Headers; readonly text: string };

/**
 * Asks a server whose certificate comes from an authority that the system does not know: `fetch` can be told of none
 * without a package of its own. Each request has a connection of its own.
 */
export const webRequest = async (url: string, options: WebRequest = {}): Promise<WebAnswer> => {
  const { method = 'GET', headers = {}, body, ca, name } = options;
  const common = { method, headers, agent: false } as const;
  const sent = url.startsWith('https:')
    ? httpsRequest(url, { ...common, ...(ca === undefined ? {} : { ca }), ...(name ? { servername: name } : {}) })
    : httpRequest(url, common);
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, headers: headersOf(answer), text: await text(answer) };
};

const headersOf = ({ headersDistinct }: IncomingMessage): Headers =>
  new Headers(
    Object.entries(headersDistinct).flatMap(([key, values = []]) =>
      values.map((value): [string, string] => [key, value]),
    ),
  );
