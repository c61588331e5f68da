/** Something that the person at the keyboard can do something about; the message says what. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
}

/** The `code` of an error of the system or of Postgres. */
export const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;

/** What an error, or the program that failed, said. */
export const messageOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
