import type { Logger } from 'pino';
import { ReachbackError } from '#contracts';
import { FailedAttempts } from './failed-attempts.js';
import { KeyRing } from './key-ring.js';

/** Why a request was refused: it had no key, a wrong one, or came from where too many wrong ones had come. */
export type Refusal = 'missing' | 'wrong' | 'locked';

export type GateOptions = {
  readonly keys: ReadonlyMap<string, string>;
  readonly log: Logger;
  /** Hears of every refusal. */
  readonly refused: (reason: Refusal) => void;
};

const bearer = /^Bearer +(\S+)$/i;
const keyPattern = /^rb_([a-z0-9]{1,32})_/;

/** Lets administrator keys in, and makes those wait who try wrong ones. */
export class Gate {
  private readonly keys: KeyRing;
  private readonly attempts = new FailedAttempts();

  constructor(private readonly options: GateOptions) {
    this.keys = new KeyRing(options.keys);
  }

  /**
   * The name of the key in an `Authorization` header.
   *
   * @throws {ReachbackError} `unauthorized`; `too_many_failures` in place of it while whoever sent it has to wait
   */
  nameOf(authorization: string | undefined, address: string): string {
    const [, token] = bearer.exec(authorization ?? '') ?? [];
    // Guesses nothing, and costs nothing: a browser that was sent here by mistake has to wait for nothing.
    if (token === undefined) return this.refuse('missing', new ReachbackError('unauthorized'));
    const name = this.keys.nameOf(token);
    if (name !== undefined) return name;
    const attempt = { address, keyId: keyPattern.exec(token)?.[1] };
    try {
      this.attempts.assertMayTry(attempt);
    } catch (error) {
      return this.refuse('locked', error);
    }
    const seconds = this.attempts.count(attempt);
    if (seconds > 0)
      this.options.log.warn({ ...attempt, seconds }, 'too many wrong administrator keys from an address');
    return this.refuse('wrong', new ReachbackError('unauthorized'));
  }

  private refuse(reason: Refusal, error: unknown): never {
    this.options.refused(reason);
    throw error;
  }
}
