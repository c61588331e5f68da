/** How often a long run says how far it is, in milliseconds; one of `npm test` is over before. */
const interval = 30_000;

/** Says now and then how many of something are done, how many a second, and how long the rest will take at that rate. */
export const startProgress = (what: string, total: number) => {
  const began = performance.now();
  let saidAt = began;
  /** `more` is what else there is to say by then. */
  return (done: number, more?: () => string): void => {
    const now = performance.now();
    if (done === 0 || now - saidAt < interval) return;
    saidAt = now;
    const perSecond = (done / (now - began)) * 1_000;
    const minutes = Math.ceil((total - done) / perSecond / 60);
    const said = [
      `${done} of ${total} ${what}`,
      `${Number(perSecond.toPrecision(2))} a second`,
      `${minutes} min to go`,
    ];
    process.stdout.write(`${[...said, ...(more ? [more()] : [])].join(', ')}\n`);
  };
};
