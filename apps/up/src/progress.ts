import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

const paint = (style: Style, text: string): string =>
  process.stdout.isTTY && !process.env['NO_COLOR'] ? styleText(style, text) : text;

/** Says a line that needs no action. */
export const say = (text: string): void => console.log(text);
export const warn = (text: string): void => console.log(paint('yellow', text));
export const fail = (text: string): void => console.error(paint('red', text));
export const announce = (text: string): void => console.log(paint(['bold', 'green'], text));

/** A step failed; the message says which. */
export class StepError extends Error {
  override readonly name = 'StepError';
}

/** Says that a step begins and how long it took. */
export const step = async <T>(
  what: string,
  work: () => Promise<T>,
  detail: (result: T) => string = () => '',
): Promise<T> => {
  const start = Date.now();
  say(`${what} …`);
  try {
    const result = await work();
    say(`${what}: ready in ${((Date.now() - start) / 1000).toFixed(1)} s${detail(result)}`);
    return result;
  } catch (error) {
    throw new StepError(`${what} failed: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
};
