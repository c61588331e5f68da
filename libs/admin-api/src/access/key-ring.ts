import { createHash, timingSafeEqual } from 'node:crypto';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** The administrator keys of the configuration, compared in constant time. */
export class KeyRing {
  private readonly keys: readonly { readonly name: string; readonly digest: Buffer }[];

  /** @param keys by their names */
  constructor(keys: ReadonlyMap<string, string>) {
    this.keys = [...keys].map(([name, key]) => ({ name, digest: digest(key) }));
  }

  /** The name of a key; undefined when it is none of them. */
  nameOf(key: string): string | undefined {
    const given = digest(key);
    return this.keys.find((known) => timingSafeEqual(known.digest, given))?.name;
  }
}
