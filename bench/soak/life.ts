import type { Cleanup } from '../system/cleanup.js';
import { replayedBy, type Server, startServer } from '../system/server.js';
import type { Stack } from '../system/stack.js';

export type KillRecord = {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly readyMs: number;
  readonly replayedContacts: number | null;
};

/** What takes longer has failed. */
const startSeconds = 300;

/** The server in one life after the other. */
export class Lives {
  readonly kills: KillRecord[] = [];
  /** When the last was killed, in milliseconds since 1970. */
  lastKill: number | undefined;
  failedStarts = 0;
  private running: Promise<Server>;
  private up: Server | undefined;

  private constructor(
    private readonly cleanup: Cleanup,
    private readonly stack: Stack,
    first: Server,
  ) {
    this.up = first;
    this.running = Promise.resolve(first);
  }

  static async begin(cleanup: Cleanup, stack: Stack): Promise<Lives> {
    return new Lives(cleanup, stack, await startServer(cleanup, stack));
  }

  /** The server that runs, or the next one as soon as it is ready. */
  readonly server = (): Promise<Server> => this.running;

  /** Which life it is, from 0, and its process; undefined while there is none. */
  get current(): { readonly pid: number; readonly life: number } | undefined {
    return this.up && { pid: this.up.pid, life: this.kills.length };
  }

  /** SIGKILL; then another one is started. */
  async kill(): Promise<KillRecord> {
    const server = await this.running;
    const at = Date.now();
    [this.up, this.lastKill] = [undefined, at];
    this.running = server.kill().then(() => this.start());
    const next = await this.running;
    const kill = { at, readyMs: Date.now() - at, replayedContacts: replayedBy(next)?.contacts ?? null };
    this.up = next;
    this.kills.push(kill);
    return kill;
  }

  /** As a supervisor does: one that ends at its start is started again. */
  private async start(): Promise<Server> {
    for (const deadline = Date.now() + startSeconds * 1000; ;) {
      try {
        return await startServer(this.cleanup, this.stack);
      } catch (error) {
        this.failedStarts++;
        if (Date.now() > deadline) throw error;
      }
    }
  }
}
