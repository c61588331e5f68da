import { writeFile } from 'node:fs/promises';
import { styleText } from 'node:util';
import type { RuleResult } from './run.js';

type Style = Parameters<typeof styleText>[0];

/** Colour on a terminal only, and not where NO_COLOR is set. */
const paint = (style: Style, text: string): string =>
  process.stdout.isTTY && !process.env['NO_COLOR'] ? styleText(style, text) : text;

const styles = { passed: 'green', failed: 'red', 'not checkable from outside': 'yellow' } as const;

/** A rule on one line, and each of its failures on one more. */
export const printRule = ({ rule, name, result, checks, seconds, unseen, failures }: RuleResult): void => {
  const verdict = paint(styles[result], result);
  const counted = `(${checks} ${checks === 1 ? 'check' : 'checks'}, ${seconds.toFixed(1)} s)`;
  const rest = unseen === null ? '' : paint('dim', `; not from outside: ${unseen}`);
  console.log(
    result === 'not checkable from outside'
      ? `${rule.padEnd(3)}  ${verdict}  ${name}: ${unseen ?? ''}`
      : `${rule.padEnd(3)}  ${verdict}  ${name} ${counted}${rest}`,
  );
  for (const { case: title, what, expected, seen } of failures) {
    console.log(`     ${title}: ${what}: expected ${expected}, saw ${seen}`);
  }
};

export const countOf = (results: readonly RuleResult[], wanted: RuleResult['result']): number =>
  results.filter(({ result }) => result === wanted).length;

/** The last line of a run. */
export const printTotal = (results: readonly RuleResult[]): void => {
  const unseen = countOf(results, 'not checkable from outside');
  const rest = unseen > 0 ? `, ${unseen} not checkable from outside` : '';
  console.log(`\n${countOf(results, 'passed')} passed, ${countOf(results, 'failed')} failed${rest}`);
};

export const writeReport = (file: string, url: string, seconds: number, rules: readonly RuleResult[]): Promise<void> =>
  writeFile(
    file,
    `${JSON.stringify({ url, seconds, passed: countOf(rules, 'passed'), failed: countOf(rules, 'failed'), rules }, undefined, 2)}\n`,
  );
