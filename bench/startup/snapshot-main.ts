// A process of its own that saves a snapshot of presence as of the head of the log, while no server runs.
import { openDatabase, readLane } from '#event-log';
import { recoverPresence, saveSnapshot, takeSnapshot } from '#intake';
import { lane } from '../fleet/seed.js';

const save = async (url: string): Promise<void> => {
  const db = openDatabase({ url, connections: 2, name: 'reachback bench snapshot' });
  const row = await readLane(db, lane);
  const { presence } = await recoverPresence(db, lane, row);
  await saveSnapshot(db, lane, takeSnapshot(presence, row.position));
  await db.end({ timeout: 1 });
};

process.once('message', ({ url }: { url: string }) => {
  void save(url).then(() => process.send?.({}, () => process.exit(0)));
});
process.once('disconnect', () => process.exit(0));
