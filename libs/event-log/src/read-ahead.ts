/** Of what is read ahead: if it fails, whoever comes for it hears so, and nobody else. */
export const heard = <T>(reading: Promise<T>): Promise<T> => {
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
