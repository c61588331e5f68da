import { expect } from '@jest/globals';
import type { NewFact } from '#contracts';
import { appendFacts, type Database, FencedError, lockLog, readFacts, readLane, takeLane, transact } from '#event-log';
import { LaneOwner, recoverPresence, type SourceMessage } from '#intake';
import { inlineProjections } from '#projections';
import type { Lane } from './live.js';

const lane = 0;
const rejects = { record: () => undefined, flush: async () => undefined, stop: async () => undefined };

/** The lane of a real database, and its owner. */
export class DatabaseLane implements Lane {
  head = 0n;

  private constructor(
    private readonly db: Database,
    public owner: LaneOwner,
  ) {}

  get isBusy(): boolean {
    return this.owner.isBusy;
  }

  static async open(db: Database): Promise<DatabaseLane> {
    return new DatabaseLane(db, await takeOver(db));
  }

  async isListed(id: string): Promise<boolean> {
    const rows = await this.db`SELECT FROM client WHERE id = ${id} AND removed_at IS NULL`;
    return rows.length > 0;
  }

  /** Appends a fact as responders and the REST API do, but at a time of the history's. */
  async append(fact: NewFact, at: number): Promise<bigint> {
    const position = await transact(this.db, async (tx) => {
      await lockLog(tx);
      const [stored] = await appendFacts(tx, lane, [fact], inlineProjections);
      await tx`UPDATE event SET recorded_at = ${new Date(at)} WHERE position = ${stored?.position ?? 0n}`;
      return stored?.position ?? 0n;
    });
    this.head = position;
    return position;
  }

  /** If the commit is to fail, it is because another owner has taken the lane. */
  async offer(messages: readonly SourceMessage[], commitFails: boolean): Promise<void> {
    if (commitFails) {
      const before = this.owner;
      this.owner = await takeOver(this.db);
      await expect(before.append(messages)).rejects.toThrow(FencedError);
    }
    await this.owner.append(messages);
  }

  /** All facts of a type that matters here, in the order of the log. */
  async statusFacts(): Promise<readonly NewFact[]> {
    return readFacts(this.db, { lane, after: 0n, types: ['client-status-changed'], limit: 1_000_000 });
  }

  async rebuild() {
    const { presence } = await recoverPresence(this.db, lane, await readLane(this.db, lane));
    return presence;
  }
}

const takeOver = async (db: Database): Promise<LaneOwner> => {
  const term = await takeLane(db, lane);
  const row = await readLane(db, lane);
  const { presence, conclusions } = await recoverPresence(db, lane, row);
  const { watermark, position } = row;
  return new LaneOwner({
    db,
    lane,
    term,
    presence,
    rejects,
    projections: inlineProjections,
    watermark,
    position,
    conclusions,
    turns: 3,
  });
};
