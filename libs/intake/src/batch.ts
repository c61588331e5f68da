import type { LaneKind, NewFact } from '#contracts';
import { type Chunk, ChunkWriter } from '#event-log';
import type { RevisionReport } from './settle-reports.js';

/** A stretch of the log: contacts, then the facts they led to. */
export type Segment = { readonly chunks: Chunk[]; readonly facts: NewFact[] };

/**
 * What a batch of messages becomes, in the order of the log. Facts follow the contacts that caused them; a fact that
 * changes what later contacts mean closes the segment, so that a replay meets it where live intake did.
 */
export class Batch {
  private current: Segment = { chunks: [], facts: [] };
  readonly segments: Segment[] = [this.current];
  /** What beats reported that is not known yet, the last of each client, by ordinal. */
  readonly reports = new Map<number, RevisionReport>();
  contacts = 0;
  private readonly writer = new ChunkWriter();
  private closed = false;

  add(ordinal: number, kind: LaneKind, at: number): void {
    if (this.closed) this.open();
    if (!this.writer.accepts(at)) this.flush();
    this.writer.add(ordinal, kind, at);
    this.contacts++;
  }

  /** Handed on by itself, once for all contacts. */
  readonly emit = (fact: NewFact): void => {
    this.current.facts.push(fact);
    // They move or judge deadlines, as those before them left these.
    if (fact.type === 'lane-gap-observed' || fact.type === 'lane-silence-judged') this.close();
  };

  /** The contacts that come next belong to a new segment. */
  close(): void {
    this.closed = true;
  }

  finish(): readonly Segment[] {
    this.flush();
    return this.segments.filter((segment) => segment.chunks.length > 0 || segment.facts.length > 0);
  }

  private open(): void {
    this.flush();
    this.current = { chunks: [], facts: [] };
    this.segments.push(this.current);
    this.closed = false;
  }

  private flush(): void {
    if (this.writer.count > 0) this.current.chunks.push(this.writer.take());
  }
}
