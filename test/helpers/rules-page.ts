import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A rule on the page docs/rules.md. */
export type RuleOnPage = {
  readonly id: string;
  /** Its heading, such as `R5 Silence`. */
  readonly heading: string;
  /** The code of its example; empty where there is none. */
  readonly example: string;
};

const page = join(import.meta.dirname, '../../docs/rules.md');

export const ruleIds: readonly string[] = [
  ...Array.from({ length: 20 }, (_, i) => `R${i + 1}`),
  ...Array.from({ length: 12 }, (_, i) => `G${i + 1}`),
];

/** Reads the rules in the order of the page: what has a heading that begins with a number such as R5 or G12. */
export const readRulesPage = (): readonly RuleOnPage[] => {
  const [, ...sections] = readFileSync(page, 'utf8').split(/^## /m);
  return sections.map((section) => {
    const heading = section.slice(0, section.indexOf('\n'));
    const examples = [...section.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code);
    return { id: heading.split(' ')[0] ?? '', heading, example: examples.join('\n') };
  });
};
