/** A JSON object: what one level sets, or what the levels add up to. */
export type JsonObject = { readonly [key: string]: unknown };

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Keys that would reach an object's prototype when assigned. */
const unsafeKey = '__proto__';

/** One level changed by a JSON merge patch (RFC 7396): null removes a key, objects merge, anything else replaces. */
export const mergePatch = (target: unknown, patch: unknown): unknown => {
  if (!isObject(patch)) return patch;
  const result: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (key === unsafeKey) continue;
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
};

/** The merge patch that would undo another one: what it changes, as it was before; null is what was not there. */
export const undoPatch = (target: unknown, patch: JsonObject): JsonObject => {
  const before = isObject(target) ? target : {};
  const undo: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(patch)) {
    if (key === unsafeKey) continue;
    const was = Object.hasOwn(before, key) ? before[key] : null;
    undo[key] = isObject(value) && isObject(was) ? undoPatch(was, value) : was;
  }
  return undo;
};

/** A level of settings with the name under which it shows: `fleet`, `group:paris/desktops`, `client`. */
export type NamedLevel = { readonly name: string; readonly values: JsonObject };

/** What applies to a client, and the level that set each key (dotted paths down to the values). */
export type EffectiveSettings = { readonly values: JsonObject; readonly from: Readonly<Record<string, string>> };

/** Levels from far to near added up, the nearer overriding the farther key by key (R20). */
export const effectiveSettings = (levels: readonly NamedLevel[]): EffectiveSettings => {
  const from: Record<string, string> = {};
  let values: JsonObject = {};
  for (const level of levels) values = overlay(values, level.values, level.name, '', from);
  return { values, from };
};

const overlay = (
  below: JsonObject,
  above: JsonObject,
  name: string,
  prefix: string,
  from: Record<string, string>,
): JsonObject => {
  const result: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    if (key === unsafeKey) continue;
    const path = prefix + key;
    const under = result[key];
    // An object without keys overrides none: what a patch leaves of a level whose last key it removed.
    if (isObject(value) && (isObject(under) || !isEmpty(value))) {
      if (!isObject(under) || (isEmpty(under) && !isEmpty(value))) delete from[path];
      result[key] = overlay(isObject(under) ? under : {}, value, name, `${path}.`, from);
    } else {
      forget(from, path, under);
      from[path] = name;
      result[key] = value;
    }
  }
  return result;
};

const isEmpty = (object: JsonObject): boolean => Object.keys(object).length === 0;

/**
 * A value that replaces another leaves nothing of where the other and its parts came from. Looks at these alone: a level may
 * have tens of thousands of keys, and this is done while others wait for an answer.
 */
const forget = (from: Record<string, string>, path: string, replaced: unknown): void => {
  delete from[path];
  if (isObject(replaced)) for (const [key, part] of Object.entries(replaced)) forget(from, `${path}.${key}`, part);
};

/** A group and its ancestors from the root down: `paris/desktops` → `['', 'paris', 'paris/desktops']`. */
export const groupChain = (path: string): readonly string[] => {
  if (path === '') return [''];
  const names = path.split('/');
  return ['', ...names.map((_, i) => names.slice(0, i + 1).join('/'))];
};
