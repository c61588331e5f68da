import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Rest } from './rest.js';

type Token = { readonly id: string; readonly state: string; readonly token: string };

/**
 * The file with the token by which the first agent enrols: made at the first start, and again if it expired before anybody
 * used it. Undefined once it was used, or deleted.
 */
export const readFirstToken = async (folder: string, rest: Rest): Promise<string | undefined> => {
  const file = join(folder, 'first-token');
  const done = join(folder, 'first-token-used');
  if (await isThere(done)) return undefined;
  const kept = await readFile(file, 'utf8').catch(() => undefined);
  if (kept !== undefined) {
    const answer = await rest.send('GET', `/v1/enrolment-tokens/${kept.split('.')[0]}`);
    const state = answer.ok ? answer.json<Token>().state : 'deleted';
    if (state === 'usable') return file;
    await rm(file);
    if (state !== 'expired') {
      await writeFile(done, '');
      return undefined;
    }
  }
  const answer = await rest.send('POST', '/v1/enrolment-tokens', {});
  if (!answer.ok) throw new Error(`no token for the first agent was made: ${answer.text}`);
  const { token } = answer.json<Token>();
  await writeFile(file, `${token}\n`, { mode: 0o600 });
  return file;
};

const isThere = (file: string): Promise<boolean> =>
  readFile(file).then(
    () => true,
    () => false,
  );
