import type { Fact, FactOf, FactType } from '#contracts';

/** Neighbours that agree in a key, in order: what may be applied by one statement. */
export const runs = <T>(items: readonly T[], keyOf: (item: T) => unknown): readonly (readonly T[])[] => {
  const result: T[][] = [];
  let last: unknown;
  for (const item of items) {
    const key = keyOf(item);
    const run = result.at(-1);
    if (run && key === last) run.push(item);
    else result.push([item]);
    last = key;
  }
  return result;
};

/** The facts of one type, in order. */
export const ofType = <T extends FactType>(facts: readonly Fact[], type: T): readonly FactOf<T>[] =>
  facts.filter((fact): fact is FactOf<T> => fact.type === type);

/** The last fact of each client. */
export const lastOfEach = <T extends Fact>(facts: readonly T[]): readonly T[] => [
  ...new Map(facts.map((fact) => [fact.client, fact])).values(),
];

/** Facts in rounds of one per client at most, in order: one statement may touch a row only once. */
export const rounds = <T extends Fact>(facts: readonly T[]): readonly (readonly T[])[] => {
  const result: T[][] = [];
  const count = new Map<string | null, number>();
  for (const fact of facts) {
    const round = count.get(fact.client) ?? 0;
    count.set(fact.client, round + 1);
    (result[round] ??= []).push(fact);
  }
  return result;
};
