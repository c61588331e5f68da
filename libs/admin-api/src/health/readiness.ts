import type { Check, CheckState, Readiness } from '#contracts';

/** What the roles of a process need, each with how to find out; a check may fail, or never answer. */
export type Checks = Readonly<Record<string, () => Promise<Check>>>;

/** How long a check may take, in milliseconds: whoever asks for readiness has little patience himself. */
const checkTimeout = 1_500;

const working: ReadonlySet<CheckState> = new Set(['up', 'standing-by']);

/** Asks all checks at once. One that fails, or does not answer in time, is about something that is away. */
export const readReadiness = async (checks: Checks): Promise<Readiness> => {
  const entries = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => [name, await inTime(name, check)] as const),
  );
  const faults = entries.filter(([, { state }]) => !working.has(state));
  return {
    status: faults.length === 0 ? 'ready' : 'not-ready',
    detail: faults.map(([, { detail }]) => detail).join(' ') || 'Everything works.',
    checks: Object.fromEntries(entries),
  };
};

/** What went wrong is not said here: whoever has no key may read it. */
const inTime = (name: string, check: () => Promise<Check>): Promise<Check> =>
  new Promise((resolve) => {
    const away: Check = { state: 'away', detail: `The ${name} does not answer.` };
    const timer = setTimeout(() => resolve(away), checkTimeout);
    check()
      .then(resolve, () => resolve(away))
      .finally(() => clearTimeout(timer));
  });
