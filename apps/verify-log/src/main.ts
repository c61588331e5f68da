import { openDatabase, type Verdict, verifyChain } from '#event-log';
import { readOptions } from './options.js';
import { showProgress } from './progress.js';

/** The verdict for programs; positions are text, as everywhere in JSON. */
const toJson = (verdict: Verdict): string =>
  JSON.stringify(
    verdict.intact
      ? {
          intact: true,
          facts: verdict.facts,
          after: String(verdict.after),
          head: { position: String(verdict.head.position), hash: verdict.head.hash.toString('hex') },
        }
      : { ...verdict, position: String(verdict.position) },
  );

const say = (verdict: Verdict): void => {
  if (verdict.intact) {
    const skipped = verdict.after > 0n ? ` after position ${verdict.after}` : '';
    console.error(`Intact: ${verdict.facts} facts${skipped}, up to position ${verdict.head.position}.`);
  } else {
    console.error(`BROKEN at position ${verdict.position}. ${verdict.reason}`);
  }
};

const main = async (): Promise<number> => {
  const { database, from, expected } = readOptions(process.argv, process.env);
  if (database === undefined) throw new Error('Name the database by --database or by REACHBACK_DATABASE_URL.');
  const db = openDatabase({ url: database, connections: 2, name: 'reachback verify-log' });
  try {
    const verdict = await verifyChain(db, {
      ...(from === undefined ? {} : { from }),
      expected,
      progress: showProgress(),
    });
    say(verdict);
    console.log(toJson(verdict));
    return verdict.intact ? 0 : 1;
  } finally {
    await db.end({ timeout: 1 });
  }
};

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(`The log could not be verified: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(2);
  },
);
