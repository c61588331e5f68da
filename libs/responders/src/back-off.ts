/** In milliseconds: after which somebody comes back at the soonest, and at the latest. */
const shortest = 4_000;
const longest = 300_000;
/** So many a second are answered, as long as it is not known better. */
const presumably = 500;
/** So many a second are let come back at least, whatever is answered. */
const atLeast = 50;
/** Of what is answered: so many more are let come back, so that there is always somebody to answer. */
const welcome = 1.5;
/** What a second was good for counts less in each of those that follow. */
const fading = 0.8;

/**
 * For how long those who are refused are sent away. Of a fleet that comes back at once nearly all are refused; were they
 * sent away for some seconds only, their questions alone would take the whole server, and nobody would be answered. So
 * each gets the next free place among those who come back, of which there are hardly more than can be answered.
 */
export class BackOff {
  private perSecond = presumably;
  private answered = 0;
  private since: number;
  /** When the last of those who stay away comes back. */
  private last = 0;

  constructor(private readonly now: () => number = () => performance.now()) {
    this.since = now();
  }

  /** A request was answered. */
  serve(): void {
    this.answered++;
    const passed = (this.now() - this.since) / 1_000;
    if (passed < 1) return;
    this.perSecond = Math.max(this.answered / passed, this.perSecond * fading ** passed, atLeast);
    this.since = this.now();
    this.answered = 0;
  }

  /** A request is refused. @returns the seconds after which to ask again; not the same for everybody */
  refuse(): number {
    const now = this.now();
    this.last = Math.max(this.last, now + shortest) + 1_000 / (this.perSecond * welcome);
    this.last = Math.min(this.last, now + longest);
    return Math.ceil(((this.last - now) / 1_000) * (0.75 + Math.random() / 2));
  }
}
