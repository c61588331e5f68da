import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** The account of everybody where the broker asks nobody who he is. */
export const globalAccount = '$G';

const entriesOf = (folder: string): Promise<readonly string[]> => readdir(folder).catch(() => []);

/** Whether an account has a stream of ours. The broker keeps what is said over MQTT in streams, too. */
const hasStreams = async (account: string): Promise<boolean> =>
  (await entriesOf(join(account, 'streams'))).some((name) => !name.startsWith('$MQTT_'));

/**
 * Makes the streams of a broker that is stopped those of another account, for it keeps them by account. One installation
 * has one account with streams: when the broker begins, or ceases, to ask who everybody is, this account is another,
 * and what the stream holds must not be lost. The stream stays the same to the server: its creation and its sequences are
 * kept with it.
 */
export const carryStreams = async (storeFolder: string, account: string): Promise<void> => {
  const accounts = join(storeFolder, 'jetstream');
  const own = join(accounts, account);
  if (await hasStreams(own)) return;
  for (const other of await entriesOf(accounts)) {
    if (other === account || !(await hasStreams(join(accounts, other)))) continue;
    await rm(own, { recursive: true, force: true });
    return rename(join(accounts, other), own);
  }
};
