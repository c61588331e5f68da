import { randomBytes, randomInt, scrypt, type ScryptOptions, timingSafeEqual } from 'node:crypto';

/** 16 MiB and some 40 ms for one. A secret has 256 random bits: this is for the day on which they were not. */
const cost = { N: 16_384, r: 8, p: 1 } as const;
const saltBytes = 16;
const hashBytes = 32;

const idAlphabet = 'abcdefghijkmnpqrstuvwxyz23456789';
const idLength = 12;
const keyPattern = /^rb_([a-z0-9]{12})_([A-Za-z0-9_-]{43})$/;

/** A new key as it is shown once, `rb_<id>_<secret>`: by the id it is found, by the secret it is known. */
export const newKey = (): { readonly id: string; readonly key: string } => {
  const id = Array.from({ length: idLength }, () => idAlphabet[randomInt(idAlphabet.length)]).join('');
  return { id, key: `rb_${id}_${randomBytes(32).toString('base64url')}` };
};

/** The id in a key; undefined when it cannot be one. */
export const idIn = (key: string): string | undefined => keyPattern.exec(key)?.[1];

const derive = (key: string, salt: Buffer, options: ScryptOptions): Promise<Buffer> =>
  new Promise((resolve, reject) =>
    scrypt(key, salt, hashBytes, options, (error, hash) => (error ? reject(error) : resolve(hash))),
  );

/** What is kept of a key: `scrypt$N$r$p$<salt>$<hash>`. */
export const hashKey = async (key: string): Promise<string> => {
  const salt = randomBytes(saltBytes);
  const hash = await derive(key, salt, cost);
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64url'), hash.toString('base64url')].join('$');
};

/** Whether a key is the one of which this was kept. */
export const isKeyOf = async (key: string, kept: string): Promise<boolean> => {
  const [, N, r, p, salt = '', expected = ''] = kept.split('$');
  const hash = await derive(key, Buffer.from(salt, 'base64url'), { N: Number(N), r: Number(r), p: Number(p) });
  const wanted = Buffer.from(expected, 'base64url');
  return wanted.length === hash.length && timingSafeEqual(wanted, hash);
};
