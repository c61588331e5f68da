/** What the broker says of a delivery. */
export type Delivery = {
  readonly streamSequence: number;
  readonly consumerSequence: number;
  /** When the message was stored, in nanoseconds since 1970. */
  readonly time: bigint;
  /** How many messages the stream holds beyond this one, for this consumer. */
  readonly pending: number;
};

const zero = '0'.charCodeAt(0);
const isWhole = /^\d+$/;

/**
 * Reads the subject on which a delivery would be acknowledged:
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.<consumer sequence>.<time>.<pending>`, from NATS 2.10 on
 * perhaps with a domain and an account before the stream and a token behind. Each heartbeat has one, so it is read in
 * place: to split it took six times as long, and as much as all else that receives a message.
 */
export class DeliveryReader {
  /** Where the numbers begin, the same in all subjects of a consumer. */
  private start = 0;
  private text = '';
  private at = 0;

  constructor(private readonly consumer: string) {}

  /** What is no such subject gives a consumer sequence of 0, which no delivery has. */
  read(subject: string): Delivery {
    this.start ||= subject.indexOf(`.${this.consumer}.`) + this.consumer.length + 2;
    this.text = subject;
    this.at = this.start;
    this.number();
    const [streamSequence, consumerSequence] = [this.number(), this.number()];
    return { streamSequence, consumerSequence, time: this.bigNumber(), pending: this.number() };
  }

  private number(): number {
    let value = 0;
    for (; this.at < this.text.length; this.at++) {
      const digit = this.text.charCodeAt(this.at) - zero;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    this.at++;
    return value;
  }

  /** One beyond 2^53. */
  private bigNumber(): bigint {
    const end = this.text.indexOf('.', this.at);
    const digits = this.text.slice(this.at, end);
    this.at = end + 1;
    return isWhole.test(digits) ? BigInt(digits) : 0n;
  }
}
