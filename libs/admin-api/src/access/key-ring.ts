import { createHash, timingSafeEqual } from 'node:crypto';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** The administrator keys, compared in constant time. */
export class KeyRing {
  private readonly keys: readonly { readonly name: string; readonly digest: Buffer }[];

  /** @param keys by their names */
  constructor(keys: ReadonlyMap<string, string>) {
    this.keys = [...keys].map(([name, key]) => ({ name, digest: digest(key) }));
  }

  /** The name of the key in an `Authorization` header; undefined when it has none of them. */
  nameOf(authorization: string | undefined): string | undefined {
    const [, token] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? [];
    if (token === undefined) return undefined;
    const given = digest(token);
    return this.keys.find((known) => timingSafeEqual(known.digest, given))?.name;
  }
}
