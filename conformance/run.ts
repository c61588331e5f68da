import type { Case } from './case.js';
import { cases } from './cases/index.js';
import { Checks, describe, Failure } from './checks.js';
import { play } from './play.js';
import { type Rule, type RuleId, rules } from './rules.js';
import type { World } from './world.js';

export type CaseFailure = {
  readonly case: string;
  readonly what: string;
  readonly expected: string;
  readonly seen: string;
};

export type RuleResult = {
  readonly rule: RuleId;
  readonly name: string;
  readonly result: 'passed' | 'failed' | 'not checkable from outside';
  readonly checks: number;
  /** What its cases took, added up. */
  readonly seconds: number;
  /** What of the rule nobody can see from outside. */
  readonly unseen: string | null;
  readonly failures: readonly CaseFailure[];
};

type Done = {
  readonly case: Case;
  readonly milliseconds: number;
  readonly checks: number;
  readonly failure?: CaseFailure;
};

export type RunOptions = {
  /** All of them when empty. */
  readonly only: readonly RuleId[];
  /** Told of each rule once all its cases are done, in the order of the rules. */
  readonly onRule: (result: RuleResult) => void;
  /** No case is started once it is aborted. */
  readonly signal: AbortSignal;
};

/** So many cases at once keep a run short, and are little load even for a small server. */
const concurrency = 12;

/** Checks the rules; those that load the server come last and one by one. */
export const runRules = async (world: World, { only, onRule, signal }: RunOptions): Promise<readonly RuleResult[]> => {
  const chosen = rules.filter(({ id }) => only.length === 0 || only.includes(id));
  const wanted = cases.filter(({ rule }) => chosen.some(({ id }) => id === rule));
  const done: Done[] = [];
  const results: RuleResult[] = [];
  const reportFinished = () => {
    for (let rule = chosen[results.length]; rule && !signal.aborted; rule = chosen[results.length]) {
      const { id } = rule;
      const [ofRule, all] = [done, wanted].map((list) => list.filter((item) => idOf(item) === id));
      if ((ofRule?.length ?? 0) < (all?.length ?? 0)) return;
      const result = resultOf(rule, ofRule as readonly Done[]);
      results.push(result);
      onRule(result);
    }
  };
  const runInTurns = async (waiting: Case[]) => {
    for (let next = waiting.shift(); next && !signal.aborted; next = waiting.shift()) {
      done.push(await runCase(world, next));
      reportFinished();
    }
  };
  const isAlone = (item: Case) => 'alone' in item && item.alone === true;
  const together = wanted.filter((item) => !isAlone(item));
  reportFinished();
  await Promise.all(Array.from({ length: concurrency }, () => runInTurns(together)));
  await runInTurns(wanted.filter(isAlone));
  return results;
};

const idOf = (item: Case | Done): RuleId => ('case' in item ? item.case.rule : item.rule);

const runCase = async (world: World, item: Case): Promise<Done> => {
  const started = performance.now();
  const checks = new Checks();
  const end = (failure?: CaseFailure): Done => ({
    case: item,
    milliseconds: performance.now() - started,
    checks: checks.count,
    ...(failure ? { failure } : {}),
  });
  try {
    await ('run' in item ? item.run(world, checks) : play(world, checks, item));
    return end();
  } catch (error) {
    const { title } = item;
    if (error instanceof Failure) {
      const { what, expected, seen } = error;
      return end({ case: title, what, expected, seen });
    }
    return end({ case: title, what: 'the case', expected: 'no error', seen: describe(error) });
  }
};

const resultOf = (rule: Rule, done: readonly Done[]): RuleResult => {
  const failures = done.flatMap(({ failure }) => (failure ? [failure] : []));
  const outcome = failures.length > 0 ? 'failed' : done.length > 0 ? 'passed' : 'not checkable from outside';
  const milliseconds = done.reduce((sum, item) => sum + item.milliseconds, 0);
  return {
    rule: rule.id,
    name: rule.name,
    result: outcome,
    checks: done.reduce((sum, { checks }) => sum + checks, 0),
    seconds: Math.round(milliseconds / 100) / 10,
    unseen: rule.unseen ?? null,
    failures,
  };
};
