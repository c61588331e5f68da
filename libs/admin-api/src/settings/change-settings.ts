import { isDeepStrictEqual } from 'node:util';
import { type JsonObject, policyKey, ReachbackError, type Role, type SettingsLevel } from '#contracts';
import { mergePatch, undoPatch } from '#domain';
import { type Caller, includes } from '../access/caller.js';
import type { Answer, Write } from '../writes/writer.js';
import { assertVisible, checkPolicies, readLevel, type StoredLevel } from './levels.js';

const maxBytes = 192 * 1024;

/** Answers a level with its revision as the `ETag`. */
export const answerLevel = (level: StoredLevel): Answer => ({
  headers: { ETag: `"${level.revision}"` },
  body: level,
});

/**
 * Changes one level by a merge patch. A patch that changes nothing leaves no fact, and so no new revision; but for a level
 * that is held: whoever changes it answers for it as it then is.
 *
 * @throws {ReachbackError} `forbidden` where only an administrator may; `precondition_failed` when `ifMatch` names another revision; `policy_out_of_range` (R11)
 */
export const changeSettings = async (
  { tx, append }: Write,
  { role, scope }: Caller,
  level: SettingsLevel,
  patch: JsonObject,
  ifMatch: string | undefined,
): Promise<Answer> => {
  await assertVisible(tx, scope, level);
  if (Object.hasOwn(patch, policyKey)) assertAdmin(role, `${policyKey}: the policy is changed with`, policyKey);
  const before = await readLevel(tx, level);
  if (before.held)
    assertAdmin(role, 'This level is held, because whoever changed it has lost the right to; go on with');
  if (ifMatch !== undefined && !matches(ifMatch, before.revision)) {
    throw new ReachbackError(
      'precondition_failed',
      `The settings are at revision ${before.revision} now; read them again.`,
    );
  }
  const values = mergePatch(before.values, patch) as JsonObject;
  if (Buffer.byteLength(JSON.stringify(values)) > maxBytes) {
    throw new ReachbackError('too_large', `The settings of one level may have at most ${maxBytes} bytes.`);
  }
  const warnings = await checkPolicies(tx, level, values);
  if (before.held || !isDeepStrictEqual(values, before.values)) {
    await append(
      { type: 'settings-changed', client: level.scope === 'client' ? level.id : null, data: { level, patch, values } },
      undoPatch(before.values, patch),
    );
  }
  const { headers, body } = answerLevel(await readLevel(tx, level));
  return { headers: headers ?? {}, body: { ...(body as StoredLevel), warnings } };
};

const matches = (ifMatch: string, revision: string): boolean =>
  ifMatch.trim() === '*' || ifMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === `"${revision}"`);

const assertAdmin = (role: Role, what: string, field?: string): void => {
  if (!includes(role, 'admin')) throw new ReachbackError('forbidden', `${what} the role admin.`, undefined, field);
};
