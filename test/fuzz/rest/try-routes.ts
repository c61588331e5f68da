import fc from 'fast-check';
import { errorCatalogue } from '#contracts';
import type { ServerProcess } from '../../helpers/server-process.js';
import type { Known } from '../from-schema.js';
import { blocksOf, inParallel } from '../inputs.js';
import { type Harvest } from './harvest.js';
import type { Operation } from './operations.js';
import { rawRequest } from './raw.js';
import { badRequest, encode, type FuzzRequest, goodRequest } from './requests.js';
import { addressOf, type Answer, createSender, sendRaw } from './send.js';

const width = 16;

export type RouteTrial = {
  /** The first few answers that no request may get. */
  readonly wrong: readonly string[];
  /** By operation: the statuses that requests with a right key and the operation's method got. */
  readonly seen: ReadonlyMap<string, ReadonlySet<number>>;
};

const codes: Readonly<Record<string, { readonly status: number }>> = errorCatalogue;

/** What is wrong with an answer; undefined if nothing is. */
export const complaintOf = ({ status, type, body }: Answer): string | undefined => {
  if (status >= 500) return 'a failure of the server';
  if (status < 400) return undefined;
  if (type !== 'application/problem+json') return `of type ${type}`;
  // The answer to HEAD has none.
  if (body === '') return undefined;
  const { code } = JSON.parse(body) as { readonly code: string };
  return codes[code]?.status === status ? undefined : `with the code ${code}`;
};

/** Tries all operations: well in rounds, so that what one makes another finds, and then badly so many times. */
export class RouteTrials implements RouteTrial {
  readonly wrong: string[] = [];
  readonly seen = new Map<string, Set<number>>();
  private readonly sender: ReturnType<typeof createSender>;

  constructor(
    private readonly server: Pick<ServerProcess, 'url' | 'key'>,
    private readonly harvest: Harvest,
  ) {
    this.sender = createSender(server, width);
  }

  async good(operations: readonly Operation[], known: Known, rounds: number): Promise<void> {
    const all = operations.map((operation) => goodRequest(operation, known));
    for (const round of blocksOf(fc.tuple(...all), rounds, 1))
      for (const requests of round) await inParallel(requests, 2, (request) => this.try(request));
  }

  /** Feeds so many in blocks; what comes between two of them is for the caller to do. */
  async *bad(operations: readonly Operation[], known: Known, count: number, blocks: number): AsyncGenerator<void> {
    const some = operations.flatMap((operation) => [
      { weight: 15, arbitrary: badRequest(operation, known) },
      { weight: 1, arbitrary: goodRequest(operation, known) },
    ]);
    for (const block of blocksOf(fc.oneof(...some), count, blocks)) {
      await inParallel(block, width, (request) => this.try(request));
      yield;
    }
  }

  async *raw(count: number, blocks: number): AsyncGenerator<void> {
    for (const block of blocksOf(rawRequest, count, blocks)) {
      await inParallel(block, width, (bytes) => this.tryRaw(bytes));
      yield;
    }
  }

  close(): void {
    this.sender.close();
  }

  private async try(request: FuzzRequest): Promise<void> {
    const { operation, method } = request;
    const path = addressOf(request, this.harvest, encode);
    const answer = await this.sender.send(method, path, request).catch((error: unknown) => String(error));
    const said = `${method} ${path} ${JSON.stringify(request.headers)} ${JSON.stringify(request.body?.toString('latin1') ?? null).slice(0, 2_000)}`;
    if (typeof answer === 'string') return this.complain(answer, said, '');
    // How often a busy machine may be late is for the watch to judge.
    const isLate = operation.path === '/readyz' && answer.status === 503;
    const complaint = isLate ? undefined : complaintOf(answer);
    if (complaint) this.complain(`${answer.status}, ${complaint}`, said, answer.body);
    if (method !== operation.method || !request.isKnown) return;
    this.seen.set(operation.name, (this.seen.get(operation.name) ?? new Set()).add(answer.status));
    if (answer.status < 300 && answer.type.startsWith('application/json')) {
      const found: unknown = JSON.parse(answer.body);
      this.harvest.add(operation.path, found);
    }
  }

  private async tryRaw(bytes: Buffer): Promise<void> {
    const text = await sendRaw(this.server.url, bytes);
    if (/^HTTP\/1\.1 5/.test(text))
      this.complain('a failure of the server', JSON.stringify(bytes.toString('latin1')), text);
  }

  private complain(what: string, request: string, body: string): void {
    if (this.wrong.length < 20) this.wrong.push(`${what}: ${request.slice(0, 700)}\n  ${body.slice(0, 300)}`);
  }
}
