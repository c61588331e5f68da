import { randomBytes } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export type AdminKey = { readonly key: string; readonly file: string | undefined };

/** The administrator key: the one given, else the one of the data folder, which is made at the first start. */
export const readAdminKey = async (given: string | undefined, folder: string): Promise<AdminKey> => {
  if (given !== undefined) return { key: given, file: undefined };
  const file = join(folder, 'admin-key');
  const kept = (await readFile(file, 'utf8').catch(() => '')).trim();
  if (kept) return { key: kept, file };
  const key = randomBytes(24).toString('base64url');
  await writeFile(file, `${key}\n`, { mode: 0o600 });
  await chmod(file, 0o600);
  return { key, file };
};
