import { Uncalled } from './uncalled.js';

/** In milliseconds: after which somebody comes back at the soonest, and at the latest. */
const shortest = 4_000;
const longest = 300_000;
/** So many a second are answered, as long as it is not known better. */
const presumably = 1_000;
/** So many a second are let come back at least, whatever is answered. */
const atLeast = 50;
/**
 * Of what is answered beside those who ask anyway: so many more are let come back. To refuse somebody takes far less than
 * to answer him, and places that are too far away leave the server with nothing to do.
 */
const welcome = 2;
/** What was answered in a second counts less with each that follows in which not everybody is. */
const fading = 0.95;

/**
 * For how long those who are refused are sent away. Of a fleet that comes back at once nearly all are refused; were they
 * sent away for some seconds only, their questions alone would take the whole server, and nobody would be answered. So
 * each gets the next free place among those who come back, of which there are hardly more than can be answered. Places that
 * those take who ask without having been sent away, as a fleet that polls does all day, are not given to others: there
 * would never again be fewer than can be answered (ADR 0015).
 */
export class BackOff {
  private perSecond = presumably;
  private answered = 0;
  private refused = 0;
  private since: number;
  /** When the last of those who stay away comes back. */
  private last = 0;
  private readonly uncalled: Uncalled;

  constructor(private readonly now: () => number = () => performance.now()) {
    this.since = now();
    this.uncalled = new Uncalled(now);
  }

  /** A request arrived, whatever becomes of it. */
  ask(): void {
    this.uncalled.ask();
  }

  /** A request was answered. */
  serve(): void {
    this.answered++;
    this.measure();
  }

  /** A request is refused. @returns the seconds after which to ask again: agents spread themselves around that */
  refuse(): number {
    this.refused++;
    this.measure();
    const now = this.now();
    const places = Math.max((this.perSecond - this.uncalled.perSecond()) * welcome, atLeast);
    this.last = Math.min(Math.max(this.last, now + shortest) + 1_000 / places, now + longest);
    this.uncalled.call(this.last);
    return Math.ceil((this.last - now) / 1_000);
  }

  /** Where nobody was refused, what was answered is what was asked, and says nothing of what more could have been. */
  private measure(): void {
    const passed = (this.now() - this.since) / 1_000;
    if (passed < 1) return;
    const known = this.perSecond * (this.refused > 0 ? fading : 1);
    this.perSecond = Math.max(this.answered / passed, known, atLeast);
    this.since = this.now();
    this.answered = 0;
    this.refused = 0;
  }
}
