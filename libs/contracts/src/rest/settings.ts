import { z } from 'zod';
import { held, time, jsonObject } from './common.js';

export const mergePatchBody = jsonObject.describe('a JSON merge patch (RFC 7396)');
export const settingsLevelSchema = z.object({
  revision: z.string(),
  values: jsonObject,
  changedAt: time.nullable(),
  held,
});
export const settingsChangedSchema = settingsLevelSchema.extend({ warnings: z.array(z.string()) });
export const effectiveSettingsSchema = z.object({
  revision: z.string(),
  values: jsonObject,
  from: z.record(z.string(), z.string()).describe('by dotted path, the level that set it'),
});
