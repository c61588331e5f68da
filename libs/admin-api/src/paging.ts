import { ReachbackError } from '#contracts';

/** A place in a list, as opaque text: the values by which the list is sorted, of the last item of a page. */
export const encodeCursor = (values: readonly string[]): string =>
  Buffer.from(JSON.stringify(values)).toString('base64url');

/** @throws {ReachbackError} `bad_request` when the text was not made by {@link encodeCursor} with as many values */
export const decodeCursor = (cursor: string, length: number): readonly string[] => {
  try {
    const values: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (Array.isArray(values) && values.length === length && values.every((value) => typeof value === 'string'))
      return values;
  } catch {
    // Falls through to the one error below.
  }
  throw new ReachbackError(
    'bad_request',
    'cursor: is none that a list of this kind and sort has given',
    undefined,
    'cursor',
  );
};

/** A whole number in a cursor, such as a position. */
export const decodePosition = (cursor: string): string => {
  const [position = ''] = decodeCursor(cursor, 1);
  if (!/^\d{1,18}$/.test(position))
    throw new ReachbackError('bad_request', 'cursor: is none of this list', undefined, 'cursor');
  return position;
};

/** One page out of `limit + 1` rows that were read. */
export const pageOf = <T>(rows: readonly T[], limit: number, valuesOf: (row: T) => readonly string[]) => {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > limit && last ? encodeCursor(valuesOf(last)) : null };
};

/** Where a list that goes by positions goes on; undefined is at its beginning. */
export const positionIn = (cursor: string | undefined): string | undefined =>
  cursor === undefined ? undefined : decodePosition(cursor);

type Positioned = { readonly position: bigint };

/** A row as it is shown: its position is the cursor's alone. */
export const withoutPosition = <T extends Positioned>({ position: _, ...shown }: T): Omit<T, 'position'> => shown;

/** As {@link pageOf}, of a list that goes by positions. */
export const pageByPosition = <T extends Positioned>(rows: readonly T[], limit: number) =>
  pageOf(rows, limit, ({ position }) => [String(position)]);
