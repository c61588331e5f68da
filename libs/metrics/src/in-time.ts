/** What is asked of a database may take so long, in milliseconds: a scrape does not wait for one that hangs. */
const patience = 2_000;

/** Whether a question was answered, and in time. */
export const inTime = (answer: Promise<void>): Promise<boolean> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), patience);
    answer
      .then(
        () => resolve(true),
        () => resolve(false),
      )
      .finally(() => clearTimeout(timer));
  });
