import { webRequest, type WebRequest } from '#tls';
import type { UpCertificate } from './certificate.js';

/** The server that runs here, as an administrator reaches it. */
export type Rest = {
  readonly url: string;
  readonly send: (method: string, path: string, body?: unknown) => Promise<RestAnswer>;
};

export type RestAnswer = { readonly ok: boolean; readonly text: string; readonly json: <T>() => T };

/** @param key without one, only what needs none can be asked for */
export const restOf = (url: string, certificate: UpCertificate | undefined, key?: string): Rest => ({
  url,
  send: async (method, path, body) => {
    const request: WebRequest = {
      method,
      headers: {
        ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ca: certificate?.caText,
      name: certificate?.name,
    };
    const { status, text } = await webRequest(`${url}${path}`, request);
    return { ok: status >= 200 && status < 300, text, json: <T>() => JSON.parse(text) as T };
  },
});
