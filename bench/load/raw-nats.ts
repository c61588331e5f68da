import { credsAuthenticator } from '@nats-io/transport-node';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Reach } from './reach.js';

/** What came on a subscription: the last token of its subject, and the payload. */
export type Arrival = (token: string, payload: Buffer) => void;

const crlf = '\r\n';
const options = { verbose: false, pedantic: false, headers: true, no_responders: true, lang: 'bench', version: '1' };

/** What CONNECT says of who we are: the credentials, and the broker's nonce signed. */
const identityFor = (greeting: string, credentials: string | undefined): object => {
  const nonce = /"nonce":"([^"]+)"/.exec(greeting)?.[1];
  if (credentials === undefined || nonce === undefined) return {};
  return credsAuthenticator(new TextEncoder().encode(credentials))(nonce) ?? {};
};

/** The broker greets before it speaks TLS (2.9), and is checked for the address that it was reached at. */
const secure = async (plain: Socket, host: string, ca: string): Promise<Socket> => {
  const socket = connectTls({ socket: plain, host, ca });
  await once(socket, 'secureConnect');
  return socket;
};

/**
 * A connection that speaks just enough of the NATS protocol to load a broker: the caller writes whole lines that were
 * made before, so that the generator takes as little as possible of the CPU it shares with what it measures.
 */
export class RawNats {
  private rest: Buffer = Buffer.alloc(0);
  private arrival: Arrival = () => undefined;
  private readonly letIn: Promise<void>;
  private settle: (refusal?: string) => void = () => undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly failed: (reason: string) => void,
  ) {
    this.letIn = new Promise((resolve, reject) => {
      this.settle = (refusal) => (refusal === undefined ? resolve() : reject(new Error(refusal)));
    });
    socket.on('data', (data: Buffer) => this.receive(data));
    socket.on('error', (error) => this.fail(error.message));
    socket.on('close', () => this.settle('The broker ended the connection.'));
  }

  /** Resolves when the broker has let it in. */
  static async connect({ url, credentials, ca }: Reach, failed: (reason: string) => void): Promise<RawNats> {
    const { hostname, port } = new URL(url);
    const plain = connect({ host: hostname, port: Number(port), noDelay: true });
    const [greeting] = (await once(plain, 'data')) as [Buffer];
    const nats = new RawNats(ca === undefined ? plain : await secure(plain, hostname, ca), failed);
    const who = identityFor(greeting.toString('latin1'), credentials);
    nats.write(`CONNECT ${JSON.stringify({ ...options, ...who })}${crlf}PING${crlf}`);
    await nats.letIn;
    return nats;
  }

  /** Bytes that the system has not taken yet. */
  get waiting(): number {
    return this.socket.writableLength;
  }

  /** What is written in one turn of the event loop goes out together. */
  write(data: Uint8Array | string): void {
    if (this.socket.writableCorked === 0) {
      this.socket.cork();
      setImmediate(() => this.socket.uncork());
    }
    this.socket.write(data);
  }

  /** Hears what is sent to `<prefix>.<token>`. */
  subscribe(prefix: string, arrival: Arrival): void {
    this.arrival = arrival;
    this.write(`SUB ${prefix}.* 1${crlf}`);
  }

  close(): void {
    this.socket.removeAllListeners('data');
    this.socket.destroy();
  }

  private fail(reason: string): void {
    this.settle(reason);
    this.failed(reason);
  }

  private receive(data: Buffer): void {
    this.rest = this.rest.length > 0 ? Buffer.concat([this.rest, data]) : data;
    let at = 0;
    for (;;) {
      const end = this.rest.indexOf(crlf, at, 'latin1');
      if (end < 0) break;
      const words = this.rest.toString('latin1', at, end).split(' ');
      const isMessage = words[0] === 'MSG' || words[0] === 'HMSG';
      const next = end + 2 + (isMessage ? Number(words.at(-1)) + 2 : 0);
      if (next > this.rest.length) break;
      this.handle(words, this.rest.subarray(end + 2, Math.max(next - 2, end + 2)));
      at = next;
    }
    this.rest = this.rest.subarray(at);
  }

  private handle(words: readonly string[], payload: Buffer): void {
    const [verb, subject = ''] = words;
    if (verb === 'PING') this.write(`PONG${crlf}`);
    else if (verb === 'PONG') this.settle();
    else if (verb === '-ERR') this.fail(words.slice(1).join(' '));
    else if (verb === 'MSG' || verb === 'HMSG') this.arrival(subject.slice(subject.lastIndexOf('.') + 1), payload);
  }
}
