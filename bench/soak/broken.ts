import { isFlat } from './flatness.js';
import { killAllowance } from './ledger.js';
import type { Books, SoakResult, Thirds } from './result.js';

/** A second at most, but after a kill. */
const allowedLag = 1_000;
/** Of what was to be sent. */
const leastShare = 0.95;

/** What did not hold, each with its figures; empty is well. */
export const brokenPromises = (result: Omit<SoakResult, 'broken'>): readonly string[] => [
  ...loadProblems(result),
  ...result.kills
    .filter(({ backMs }) => backMs > killAllowance)
    .map((kill) => `After the kill at ${kill.afterSeconds} s the log was back under a second after ${kill.backMs} ms.`),
  ...(result.failedStarts > 0 ? [`${result.failedStarts} servers ended before they were ready.`] : []),
  ...(result.lag.p99 > allowedLag ? [`The lag was ${result.lag.p99} ms at p99, kills aside.`] : []),
  ...memoryProblems(result),
  ...bookProblems(result.books),
];

const loadProblems = ({ run, polls, books }: Omit<SoakResult, 'broken'>): readonly string[] => {
  const problems = polls.errors.map((error) => `An agent was answered ${error}`);
  const check = (what: string, done: number, rate: number): void => {
    const wanted = rate * run.seconds;
    if (done < leastShare * wanted)
      problems.push(`Only ${done} of ${wanted} ${what} were sent: this machine is too busy.`);
  };
  check('heartbeats', books.beats.sent, run.beats);
  check('polls', polls.begun, run.polls);
  return problems;
};

const memoryProblems = ({ memory }: Omit<SoakResult, 'broken'>): readonly string[] => {
  const grown = (what: string, thirds: Thirds | null): readonly string[] =>
    thirds === null || isFlat(thirds)
      ? []
      : [`The memory of ${what} grew from ${thirds.second} MB in its second third to ${thirds.last} MB in its last.`];
  return [
    ...memory.lives.flatMap((life, i) => grown(`the server in life ${i + 1}`, life)),
    ...grown('the server over its lives', memory.overLives),
  ];
};

const bookProblems = ({ beats, polls, gaps, wrongOffline, longestSilenceMs, queues }: Books): readonly string[] => {
  const problems: string[] = [];
  const check = (isWell: boolean, text: string): void => {
    if (!isWell) problems.push(text);
  };
  check(beats.sent === beats.stored, `The broker vouched for ${beats.stored} of ${beats.sent} beats.`);
  check(
    beats.wrongClients === 0 && beats.lost === 0 && beats.doubled === 0,
    `${beats.lost} beats are lost and ${beats.doubled} doubled; the counts of ${beats.wrongClients} clients are wrong.`,
  );
  check(polls.wrongClients === 0, `The polls of ${polls.wrongClients} clients are not in the log as they were sent.`);
  check(gaps === 0, `The log has ${gaps} positions too many.`);
  check(
    wrongOffline === 0,
    `${wrongOffline} clients were put offline; none was silent for more than ${longestSilenceMs} ms.`,
  );
  check(queues.wrong === 0, `${queues.wrong} queues are wrong, such as ${queues.examples.join('; ')}`);
  check(queues.strayDeliveries === 0, `${queues.strayDeliveries} clients have what was not meant for them.`);
  return problems;
};
