/** Of what is read ahead: if it fails, whoever comes for it hears so; who leaves early leaves it alone. */
const heard = <T>(reading: Promise<T>): Promise<T> => {
  reading.catch(() => undefined);
  return reading;
};

/** Reads each in turn, one ahead of the one that is being worked on. */
export async function* readAhead<I, T>(items: Iterable<I>, read: (item: I) => Promise<T>): AsyncGenerator<T> {
  let reading: Promise<T> | undefined;
  for (const item of items) {
    const next = heard(read(item));
    if (reading) yield await reading;
    reading = next;
  }
  if (reading) yield await reading;
}

/** Page after page, each from where the one before ended, until one is empty; the next is read while one is worked on. */
export async function* readPages<T extends object>(
  after: bigint,
  read: (after: bigint) => Promise<readonly T[]>,
  positionOf: (last: T) => bigint,
): AsyncGenerator<readonly T[], undefined> {
  for (let reading = heard(read(after)); ;) {
    const page = await reading;
    const last = page.at(-1);
    if (!last) return;
    reading = heard(read(positionOf(last)));
    yield page;
  }
}
