import { createHash, createPrivateKey, sign } from 'node:crypto';
import { nkeys } from '@nats-io/transport-node';

/** A NATS key that signs. */
export type Signer = {
  readonly publicKey: string;
  /** What it is made from, as text: the secret. */
  readonly seed: string;
  readonly sign: (data: Uint8Array) => Uint8Array;
};

/** What PKCS #8 puts before the 32 bytes of an Ed25519 key (RFC 8410). */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The 32 bytes in a seed: behind two bytes that say what kind of key it is, before a checksum. */
const rawSeedOf = (seed: string): Buffer => {
  const bits = [...seed].map((letter) => base32.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).slice(2, 34).map((byte) => Number.parseInt(byte, 2)));
};

/**
 * The key of a seed. It signs with the system's Ed25519: the one of the NATS client, in JavaScript, keeps a server from
 * everything else for 10 ms each time.
 *
 * @throws when it is no seed
 */
export const signerOf = (seed: string): Signer => {
  const publicKey = nkeys.fromSeed(new TextEncoder().encode(seed)).getPublicKey();
  const key = createPrivateKey({ key: Buffer.concat([pkcs8, rawSeedOf(seed)]), format: 'der', type: 'pkcs8' });
  return { publicKey, seed, sign: (data) => sign(null, data, key) };
};

/** CRC-16/XMODEM, which ends the text of every NATS key. */
const checksumOf = (bytes: Uint8Array): number => {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc;
};

/** The two bytes that begin a seed: that it is one, and of what kind of key. */
const seedPrefixes = { account: [0x90, 0x00], user: [0x95, 0x00] } as const;

/** The key that always comes of the same secret; whoever has the secret has the key. */
export const deriveKey = (kind: keyof typeof seedPrefixes, purpose: string, secret: string): Signer => {
  const raw = createHash('sha256').update(`reachback ${purpose}\0${secret}`).digest();
  const bytes = Buffer.concat([Buffer.from(seedPrefixes[kind]), raw, Buffer.alloc(2)]);
  bytes.writeUInt16LE(checksumOf(bytes.subarray(0, -2)), bytes.length - 2);
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return signerOf(
    (bits.match(/.{1,5}/g) ?? []).map((five) => base32[Number.parseInt(five.padEnd(5, '0'), 2)]).join(''),
  );
};

const seedOf = (pair: { readonly getSeed: () => Uint8Array }): string => new TextDecoder().decode(pair.getSeed());

export const newOperator = (): Signer => signerOf(seedOf(nkeys.createOperator()));
export const newAccount = (): Signer => signerOf(seedOf(nkeys.createAccount()));
export const newUser = (): Signer => signerOf(seedOf(nkeys.createUser()));
