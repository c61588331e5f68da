import { type AdminKeyBody, type AdminKeyData, type AdminKeyPatch, ReachbackError } from '#contracts';
import { isDeepStrictEqual } from 'node:util';
import type { Write } from '../writes/writer.js';
import { holdLostWork, type HeldWork } from './hold-work.js';
import { type AdminKey, assertNameFree, findKey } from './select-keys.js';

export type ChangedKey = AdminKey & { readonly held: HeldWork };

const nothingHeld: HeldWork = { releases: [], settings: [] };

/**
 * Enters a new key; what is kept of it is in no fact.
 *
 * @throws {ReachbackError} `conflict` when its name is taken; `bad_request` when it would have expired already
 */
export const createKey = async (
  { tx, append }: Write,
  { id, hash }: { readonly id: string; readonly hash: string },
  body: AdminKeyBody,
): Promise<AdminKey> => {
  await assertNameFree(tx, body.name);
  const expiresAt = readExpiry(body.expiresAt);
  await append({ type: 'admin-key-created', client: null, data: { ...body, id, expiresAt } });
  await tx`INSERT INTO admin_key_hash (id, hash) VALUES (${id}, ${hash})`;
  return findKey(tx, id);
};

/**
 * Changes a key; every server goes by it from the next request on.
 *
 * @param keepsWork whether what it may not do any more is delivered all the same
 * @throws {ReachbackError} `not_found` when it is revoked; as {@link createKey}
 */
export const changeKey = async (
  write: Write,
  id: string,
  patch: AdminKeyPatch,
  keepsWork: boolean,
): Promise<ChangedKey> => {
  const { tx, append } = write;
  const { name, role, group, expiresAt } = await findGood(write, id);
  const before: AdminKeyData = { id, name, role, group, expiresAt: expiresAt?.toISOString() ?? null };
  const expiry = patch.expiresAt === undefined ? before.expiresAt : readExpiry(patch.expiresAt);
  const after: AdminKeyData = { ...before, ...withoutUndefined(patch), expiresAt: expiry };
  if (after.name !== name) await assertNameFree(tx, after.name);
  if (isDeepStrictEqual(before, after)) return { ...(await findKey(tx, id)), held: nothingHeld };
  await append({ type: 'admin-key-changed', client: null, data: { ...after, keepsWork } });
  const isSame = after.role === role && after.group === group;
  const held = isSame || keepsWork ? nothingHeld : await holdLostWork(write, id, after);
  return { ...(await findKey(tx, id)), held };
};

/**
 * Revokes a key: every server refuses it from the next request on.
 *
 * @param keepsWork whether what it has queued is delivered all the same
 * @throws {ReachbackError} `not_found` when it is revoked already
 */
export const revokeKey = async (write: Write, id: string, keepsWork: boolean): Promise<ChangedKey> => {
  await findGood(write, id);
  await write.append({ type: 'admin-key-revoked', client: null, data: { id, keepsWork } });
  const held = keepsWork ? nothingHeld : await holdLostWork(write, id);
  return { ...(await findKey(write.tx, id)), held };
};

const findGood = async ({ tx }: Write, id: string): Promise<AdminKey> => {
  const key = await findKey(tx, id);
  if (key.revokedAt !== null) throw new ReachbackError('not_found', 'This key is revoked for good; make another.');
  return key;
};

const readExpiry = (text: string | null): string | null => {
  if (text === null) return null;
  const at = new Date(text);
  if (at.getTime() > Date.now()) return at.toISOString();
  throw new ReachbackError('bad_request', 'expiresAt: must be in the future', undefined, 'expiresAt');
};

const withoutUndefined = ({ name, role, group }: AdminKeyPatch) => ({
  ...(name === undefined ? {} : { name }),
  ...(role === undefined ? {} : { role }),
  ...(group === undefined ? {} : { group }),
});
